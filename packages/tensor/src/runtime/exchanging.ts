/** Runs a plan that exchanges values with other ranks: the stages between two exchanges are a plan of their own. */
import type { Allocation, Backend, Executable, GeneratedCode } from '../kernel/backend.ts';
import { exchange, exchangedArray } from '../kernel/collective.ts';
import { nth } from '../kernel/nth.ts';
import type { Exchanges, Plan, PlannedCollective } from '../kernel/plan.ts';

/** Stages, and what is exchanged before them. */
interface Part {
  readonly collectives: readonly PlannedCollective[];
  readonly executable: Executable;
}

export class ExchangingExecutable implements Executable {
  readonly slowKernels: Executable['slowKernels'];
  readonly engineMs: number;
  readonly #backend: Backend;
  readonly #parts: readonly Part[];
  readonly #kept: readonly number[];

  /** @throws Error if JavaScript cannot reach the backend's memory */
  constructor(backend: Backend, plan: Plan, { collectives, kept }: Exchanges) {
    if (backend.viewBytes === undefined)
      throw new Error(
        `${nth(collectives, 0).collective.kind}: backend '${backend.name}' cannot exchange values with other ranks yet; use backend 'wasm'`,
      );
    this.#backend = backend;
    this.#kept = kept;
    const starts = [...new Set([0, ...collectives.map(({ before }) => before)])];
    this.#parts = starts.map((start, k) => ({
      collectives: collectives.filter(({ before }) => before === start),
      executable: backend.prepare({ ...plan, stages: plan.stages.slice(start, starts[k + 1]) }),
    }));
    this.slowKernels = this.#parts.flatMap(({ executable }) => executable.slowKernels);
    this.engineMs = this.#parts.reduce((sum, { executable }) => sum + (executable.engineMs ?? 0), 0);
  }

  async run(externals: readonly Allocation[]): Promise<void> {
    const all = this.#allocate(externals);
    try {
      // All parts are queued at once, so that no other run comes between them.
      const before = this.#exchanges(all);
      const runs = this.#parts.map(({ executable }, k) => executable.run(all, () => before(k)));
      const failed = (await Promise.allSettled(runs)).find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    } finally {
      this.#free(externals, all);
    }
  }

  runSync(externals: readonly Allocation[]): void {
    const all = this.#allocate(externals);
    try {
      const before = this.#exchanges(all);
      for (const [k, { executable }] of this.#parts.entries()) executable.runSync?.(all, () => before(k));
    } finally {
      this.#free(externals, all);
    }
  }

  code(): GeneratedCode[] {
    return this.#parts.flatMap(({ executable }) => executable.code?.() ?? []);
  }

  dispose(): void {
    for (const { executable } of this.#parts) executable.dispose();
  }

  /** What is exchanged before part `k`. After a failure nothing is: the ranks do not agree any more. */
  #exchanges(all: readonly Allocation[]): (k: number) => void {
    let failure: { readonly error: unknown } | null = null;
    return (k) => {
      if (failure !== null) throw failure.error;
      try {
        for (const { collective, dtype, lengths, source, out } of nth(this.#parts, k).collectives) {
          const array = (external: number, length: number) =>
            exchangedArray(dtype, this.#viewBytes(nth(all, external)), length);
          exchange(collective, array(source, lengths[0]), array(out, lengths[1]));
        }
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
  }

  #viewBytes(allocation: Allocation): Uint8Array {
    return (this.#backend as Required<Backend>).viewBytes(allocation);
  }

  #allocate(externals: readonly Allocation[]): Allocation[] {
    return [...externals, ...this.#kept.map((bytes) => this.#backend.allocate(bytes))];
  }

  #free(externals: readonly Allocation[], all: readonly Allocation[]): void {
    for (const allocation of all.slice(externals.length)) this.#backend.free(allocation);
  }
}
