/** The two reference backends, which evaluate everything in the simplest way. */
import type { Node } from '../../graph/node.ts';
import type { Storage } from '../../graph/storage.ts';
import type { Allocation, Backend, Executable } from '../../kernel/backend.ts';
import { registerBackend } from '../../kernel/backend.ts';
import type { TypedArray } from '../../kernel/dtype.ts';
import type { Plan } from '../../kernel/plan.ts';
import { HostMemory, memoryOf } from '../host-memory.ts';
import { runPlan } from '../interpret-kernels.ts';
import { type InterpretOptions, interpret } from './interpret.ts';

/**
 * The naive backend against which the others are tested, with double precision between loads and stores. `reference` evaluates the
 * graph directly (see `interpret.ts`); `reference-kernels` uses the scheduler and the planner and runs the kernels one by one.
 */
export class ReferenceBackend extends HostMemory implements Backend {
  readonly interpret?: (roots: readonly Node[], read: (storage: Storage) => TypedArray) => TypedArray[];

  constructor(name: string, graphOracle?: InterpretOptions) {
    super(name);
    if (graphOracle !== undefined) this.interpret = (roots, read) => interpret(roots, read, graphOracle);
  }

  prepare(plan: Plan): Executable {
    const run = (externals: readonly Allocation[], before?: () => void): void => {
      before?.();
      runPlan(plan, externals.map(memoryOf));
    };
    return {
      run: async (externals, before) => run(externals, before),
      runSync: run,
      slowKernels: [],
      dispose: () => {},
    };
  }

  async dispose(): Promise<void> {}
}

export function registerReferenceBackends(): void {
  registerBackend('reference', () => new ReferenceBackend('reference', {}));
  registerBackend('reference-kernels', () => new ReferenceBackend('reference-kernels'));
}
