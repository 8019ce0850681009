/**
 * What a backend owes the rest: memory, transfers, and running a plan. The graph, views, scheduler, planner and compiled steps
 * are shared and stand above this line; a backend never sees the graph (the oracle, which evaluates it directly, excepted).
 */
import type { DType, TypedArray } from './dtype.ts';
import type { Plan } from './plan.ts';

/** A range of a backend's memory. Opaque above the backend. */
export interface Allocation {
  readonly bytes: number;
}

/** A plan made ready to run: code generated, temporaries placed. Runs of one backend happen one after the other. */
export interface Executable {
  /** `externals[i]` holds the plan's external buffer i. Resolves when all kernels have finished. */
  run(externals: readonly Allocation[]): Promise<void>;
  /** The same, blocking; absent where the backend cannot block. */
  runSync?(externals: readonly Allocation[]): void;
  /** Kernels that run on a slow path, each with its reason: never silent. */
  readonly slowKernels: readonly { readonly kernel: string; readonly reason: string }[];
  dispose(): void;
}

export interface Backend {
  readonly name: string;
  /** Memory for `bytes` bytes, aligned for every dtype; contents unspecified. Throws OutOfMemoryError. */
  allocate(bytes: number): Allocation;
  free(allocation: Allocation): void;
  write(allocation: Allocation, data: TypedArray): void;
  read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray>;
  readSync?(allocation: Allocation, dtype: DType, length: number): TypedArray;
  prepare(plan: Plan): Executable;
  /** Waits until everything submitted has finished. */
  synchronize(): Promise<void>;
  /** Memory in use and reserved, in bytes. */
  memory(): { readonly used: number; readonly reserved: number };
  /** Stops workers and frees the device. */
  dispose(): Promise<void>;
}

export class OutOfMemoryError extends Error {
  override name = 'OutOfMemoryError';
}

const factories = new Map<string, () => Backend>();
const instances = new Map<string, Backend>();
let defaultName = 'wasm';

/** Makes a backend known by name; it is created when first used. */
export function registerBackend(name: string, create: () => Backend): void {
  factories.set(name, create);
}

/** The backend of that name, or the default one. */
export function getBackend(name: string = defaultName): Backend {
  const existing = instances.get(name);
  if (existing !== undefined) return existing;
  const create = factories.get(name);
  if (create === undefined)
    throw new Error(`backend '${name}' is not known; there are: ${[...factories.keys()].sort().join(', ')}`);
  const backend = create();
  instances.set(name, backend);
  return backend;
}

/** New tensors live on this backend from now on. */
export function setDefaultBackend(name: string): Backend {
  const backend = getBackend(name);
  defaultName = name;
  return backend;
}

/** Disposes every backend that was created: workers stop, the process can end. */
export async function disposeBackends(): Promise<void> {
  const all = [...instances.values()];
  instances.clear();
  await Promise.all(all.map((backend) => backend.dispose()));
}
