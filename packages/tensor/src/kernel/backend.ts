/**
 * The interface of a backend: memory, transfers, and running a plan; and the registry of backends. The graph, scheduler, planner and
 * compiled steps are shared by all backends. A backend never sees the graph, except the oracle, which evaluates it directly.
 */
import type { DType, TypedArray } from './dtype.ts';
import type { Plan } from './plan.ts';

/** A range of a backend's memory. Only the backend knows what is in it. */
export interface Allocation {
  readonly bytes: number;
}

/** A piece of generated code as text, for people. */
export interface GeneratedCode {
  readonly name: string;
  readonly language: 'WebAssembly' | 'WGSL' | 'JavaScript';
  readonly text: string;
  /** The size of what the engine compiles: for WebAssembly the binary, otherwise the text. */
  readonly bytes: number;
}

/** A plan made ready to run: code generated, temporaries placed. Runs of one backend happen one after the other. */
export interface Executable {
  /**
   * `externals[i]` is the memory of the plan's external buffer i. Resolves when all kernels have finished. `before` is called when earlier
   * runs have finished, right before the kernels start; if it throws, they do not. Only a backend with `viewBytes` calls it.
   */
  run(externals: readonly Allocation[], before?: () => void): Promise<void>;
  /** The same, blocking; absent where the backend cannot block. */
  runSync?(externals: readonly Allocation[], before?: () => void): void;
  /** Kernels that run on a slow path, each with the reason, so that it is never silent. */
  readonly slowKernels: readonly { readonly kernel: string; readonly reason: string }[];
  /** How long the engine's own compiler took for the generated code while the plan was prepared, in ms; absent where that is unknown. */
  readonly engineMs?: number;
  /** The generated code; absent where the backend generates none. It may be made for the call, which then takes as long as `prepare`. */
  code?(): readonly GeneratedCode[];
  dispose(): void;
}

export interface Backend {
  readonly name: string;
  /** Why this backend cannot compute values of the dtype, and what to do; null where it can. Absent where it can compute all. */
  whyUnsupported?(dtype: DType): string | null;
  /** Memory for `bytes` bytes, aligned for every dtype; contents unspecified. Throws OutOfMemoryError. */
  allocate(bytes: number): Allocation;
  free(allocation: Allocation): void;
  write(allocation: Allocation, data: TypedArray): void;
  read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray>;
  /** The same, blocking, from element `start` on; absent where the backend cannot block. */
  readSync?(allocation: Allocation, dtype: DType, length: number, start?: number): TypedArray;
  /** Copies the stored bytes from `start` on into `target`, blocking; absent where the backend cannot block. */
  readInto?(allocation: Allocation, target: Uint8Array, start: number): void;
  /** The allocation's memory itself, as it is between two runs; absent where JavaScript cannot reach it. Valid until the next allocation. */
  viewBytes?(allocation: Allocation): Uint8Array;
  prepare(plan: Plan): Executable;
  /** Starts, without waiting, what a first large run would have to wait for, such as threads. Absent where there is nothing to start. */
  warmUp?(): void;
  /** Waits until everything submitted has finished. */
  synchronize(): Promise<void>;
  /** Memory in use and reserved, in bytes. */
  memory(): { readonly used: number; readonly reserved: number };
  /** Stops workers and frees the device. */
  dispose(): Promise<void>;
}

/** The backend has no memory left for an allocation. */
export class OutOfMemoryError extends Error {
  override name = 'OutOfMemoryError';
}

/** The backend is not available on this machine; the message says why, and what to do. */
export class BackendUnavailableError extends Error {
  override name = 'BackendUnavailableError';
}

/** The backend opens asynchronously and was used before `openBackend` had resolved. */
export class BackendNotOpenError extends Error {
  override name = 'BackendNotOpenError';
}

/** The backend cannot compute with a dtype; the message says why, and what to do. */
export class UnsupportedDTypeError extends Error {
  override name = 'UnsupportedDTypeError';
}

/** The device of a backend was lost with all its memory. Every later use of the backend throws this. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError';
}

type Factory =
  | { readonly kind: 'immediate'; readonly create: () => Backend }
  | { readonly kind: 'asynchronous'; readonly open: () => Promise<Backend> };

const factories = new Map<string, Factory>();
const instances = new Map<string, Backend>();
/** Backends that are being opened. */
const opening = new Map<string, Promise<Backend>>();
let defaultName = 'wasm';

/** Registers a backend under a name; it is created when it is first used. */
export function registerBackend(name: string, create: () => Backend): void {
  factories.set(name, { kind: 'immediate', create });
}

/** Registers a backend that is created asynchronously: `await openBackend(name)` must come before its first use. */
export function registerAsyncBackend(name: string, open: () => Promise<Backend>): void {
  factories.set(name, { kind: 'asynchronous', open });
}

/** The names of all registered backends, in alphabetical order. */
export const backendNames = (): string[] => [...factories.keys()].sort();

function factoryOf(name: string): Factory {
  const factory = factories.get(name);
  if (factory === undefined) throw new Error(`unknown backend '${name}'; registered are ${backendNames().join(', ')}`);
  return factory;
}

function keep(name: string, backend: Backend): Backend {
  instances.set(name, backend);
  return backend;
}

/**
 * Returns the backend of that name, or the default one. Throws BackendNotOpenError if it opens asynchronously and `openBackend` was not
 * awaited.
 */
export function getBackend(name: string = defaultName): Backend {
  const existing = instances.get(name);
  if (existing !== undefined) return existing;
  const factory = factoryOf(name);
  if (factory.kind === 'asynchronous')
    throw new BackendNotOpenError(
      `backend '${name}' is not open: it opens asynchronously, so await openBackend('${name}') before its first use`,
    );
  return keep(name, factory.create());
}

/**
 * Opens the backend of that name, or the default one, and returns it; returns the same object if it is open already. Throws
 * BackendUnavailableError if this machine does not have it.
 */
export async function openBackend(name: string = defaultName): Promise<Backend> {
  const existing = instances.get(name);
  if (existing !== undefined) return existing;
  const factory = factoryOf(name);
  if (factory.kind === 'immediate') return keep(name, factory.create());
  let promise = opening.get(name);
  if (promise === undefined) {
    promise = factory
      .open()
      .then((backend) => keep(name, backend))
      .finally(() => opening.delete(name));
    opening.set(name, promise);
  }
  return promise;
}

/** Whether the backend was created and has not been closed since. */
export const isBackendOpen = (name: string): boolean => instances.has(name);

/** New tensors are created on this backend from now on. A backend that opens asynchronously must be open already. */
export function setDefaultBackend(name: string): Backend {
  const backend = getBackend(name);
  defaultName = name;
  return backend;
}

/** Disposes the backend if it was created. It can be opened again afterwards, empty, for instance after its device was lost. */
export async function closeBackend(name: string): Promise<void> {
  await opening.get(name)?.catch(() => {});
  const backend = instances.get(name);
  instances.delete(name);
  await backend?.dispose();
}

/** Disposes every backend that was created: workers stop, and the process can end. */
export async function disposeBackends(): Promise<void> {
  await Promise.all([...new Set([...instances.keys(), ...opening.keys()])].map(closeBackend));
}
