import type { Allocation, Backend, Executable } from '../../backend.ts';
import { registerBackend } from '../../backend.ts';
import { type DType, type TypedArray, viewArray } from '../../dtype.ts';
import type { Node } from '../../node.ts';
import type { Plan } from '../../plan.ts';
import type { Storage } from '../../storage.ts';
import { type InterpretOptions, interpret } from './interpret.ts';
import { runPlan } from './interpret-kernels.ts';

class Block implements Allocation {
  readonly bytes: number;
  readonly memory: ArrayBuffer;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.memory = new ArrayBuffer(bytes);
  }
}

/** The memory behind one of this backend's allocations. */
const memoryOf = (allocation: Allocation): ArrayBuffer => (allocation as Block).memory;

/**
 * The naive backend against which the others are tested, in double precision between loads and stores. `reference` evaluates
 * graphs itself (see `interpret.ts`); `reference-kernels` goes through schedule and plan and runs the kernels one by one.
 */
export class ReferenceBackend implements Backend {
  readonly name: string;
  readonly interpret?: (roots: readonly Node[], read: (storage: Storage) => TypedArray) => TypedArray[];
  #used = 0;

  constructor(name: string, graphOracle?: InterpretOptions) {
    this.name = name;
    if (graphOracle !== undefined) this.interpret = (roots, read) => interpret(roots, read, graphOracle);
  }

  allocate(bytes: number): Allocation {
    this.#used += bytes;
    return new Block(bytes);
  }

  free(allocation: Allocation): void {
    this.#used -= allocation.bytes;
  }

  write(allocation: Allocation, data: TypedArray): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(memoryOf(allocation)).set(bytes);
  }

  async read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray> {
    return this.readSync(allocation, dtype, length);
  }

  readSync(allocation: Allocation, dtype: DType, length: number): TypedArray {
    return viewArray(dtype, memoryOf(allocation), 0, length).slice();
  }

  prepare(plan: Plan): Executable {
    const run = (externals: readonly Allocation[]): void => runPlan(plan, externals.map(memoryOf));
    return {
      run: async (externals) => run(externals),
      runSync: run,
      slowKernels: [],
      dispose: () => {},
    };
  }

  async synchronize(): Promise<void> {}

  memory(): { used: number; reserved: number } {
    return { used: this.#used, reserved: this.#used };
  }

  async dispose(): Promise<void> {}
}

export function registerReferenceBackends(): void {
  registerBackend('reference', () => new ReferenceBackend('reference', {}));
  registerBackend('reference-kernels', () => new ReferenceBackend('reference-kernels'));
}
