/** Runs a plan that exchanges values with other ranks: the stages between two exchanges are a plan of their own. */
import type { Allocation, Backend, Executable, GeneratedCode } from '../kernel/backend.ts';
import { exchange, exchangedArray } from '../kernel/collective.ts';
import type { ExchangedArray } from '../kernel/communicator.ts';
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
  readonly #plan: Plan;
  readonly #pages: readonly number[];

  /** @throws Error if JavaScript cannot reach the backend's memory */
  constructor(backend: Backend, plan: Plan, { collectives, pages }: Exchanges) {
    if (backend.viewBytes === undefined)
      throw new Error(
        `${nth(collectives, 0).collective.kind}: backend '${backend.name}' cannot exchange values with other ranks yet; use backend 'wasm'`,
      );
    this.#backend = backend;
    this.#plan = plan;
    this.#pages = pages;
    const starts = [...new Set([0, ...collectives.map(({ before }) => before)])];
    this.#parts = starts.map((start, k) => ({
      collectives: collectives.filter(({ before }) => before === start),
      executable: backend.prepare({ ...plan, stages: plan.stages.slice(start, starts[k + 1]) }),
    }));
    this.slowKernels = this.#parts.flatMap(({ executable }) => executable.slowKernels);
    this.engineMs = this.#parts.reduce((sum, { executable }) => sum + (executable.engineMs ?? 0), 0);
  }

  async run(externals: readonly Allocation[]): Promise<void> {
    const pages: Allocation[] = [];
    try {
      const all = this.#allocate(externals, pages);
      // All parts are queued at once, so that no other run comes between them.
      const before = this.#exchanges(all);
      const runs = this.#parts.map(({ executable }, k) => executable.run(all, () => before(k)));
      const failed = (await Promise.allSettled(runs)).find(({ status }) => status === 'rejected');
      if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
    } finally {
      for (const page of pages) this.#backend.free(page);
    }
  }

  runSync(externals: readonly Allocation[]): void {
    const pages: Allocation[] = [];
    try {
      const all = this.#allocate(externals, pages);
      const before = this.#exchanges(all);
      for (const [k, { executable }] of this.#parts.entries()) executable.runSync?.(all, () => before(k));
    } finally {
      for (const page of pages) this.#backend.free(page);
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
        for (const { collective, lengths, source, out } of nth(this.#parts, k).collectives)
          exchange(collective, this.#array(all, source, lengths[0]), this.#array(all, out, lengths[1]));
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
  }

  /** The first elements of a buffer of the plan, where they are. */
  #array(all: readonly Allocation[], buffer: number, length: number): ExchangedArray {
    const { dtype, place } = nth(this.#plan.buffers, buffer);
    if (place.kind !== 'external') throw new Error(`exchange: buffer ${buffer} is in the arena`);
    const bytes = (this.#backend as Required<Backend>).viewBytes(nth(all, place.index));
    return exchangedArray(dtype, bytes.subarray(place.byteOffset ?? 0), length);
  }

  /** All external buffers of a run. What is allocated is added to `pages` one by one, so that it is freed if the next does not fit. */
  #allocate(externals: readonly Allocation[], pages: Allocation[]): Allocation[] {
    for (const bytes of this.#pages) pages.push(this.#backend.allocate(bytes));
    return [...externals, ...pages];
  }
}
