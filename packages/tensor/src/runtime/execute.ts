/** Runs graphs through schedule, plan and backend. Programs are kept, so that graphs of the same structure are scheduled once. */

import { type Node, storeValues } from '../graph/node.ts';
import { allocationOf, Storage } from '../graph/storage.ts';
import type { Allocation, Backend, Executable } from '../kernel/backend.ts';
import { bytesOf } from '../kernel/dtype.ts';
import { isStarving } from '../kernel/garbage.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { type CanonicalGraph, canonicalize, graphKey } from '../schedule/canonicalize.ts';
import type { External } from '../schedule/planner.ts';
import { planGraph, preparePlan } from './prepare.ts';
import { debugListener, formatTimes } from './program-forms.ts';

interface CachedProgram {
  readonly executable: Executable;
  /** The number of runs that have not finished. */
  runs: number;
  /** Storages are identified by their number in the graph's key. */
  readonly externals: readonly ({ readonly storage: number } | { readonly root: number })[];
}

/** Programs by the key of their graph. At most `kept` are kept; those that run are not disposed of. */
export class ProgramCache {
  readonly #kept: number;
  readonly #programs = new Map<string, CachedProgram>();

  constructor(kept = 256) {
    this.#kept = kept;
  }

  /** The program with this key, which is made if there is none. */
  get(key: string, make: () => CachedProgram): CachedProgram {
    const program = this.#programs.get(key) ?? make();
    this.#programs.delete(key);
    this.#programs.set(key, program);
    for (const [oldest, { executable, runs }] of this.#programs) {
      if (this.#programs.size <= this.#kept) break;
      if (runs > 0 || oldest === key) continue;
      this.#programs.delete(oldest);
      executable.dispose();
    }
    return program;
  }

  dispose(): void {
    for (const { executable } of this.#programs.values()) executable.dispose();
    this.#programs.clear();
  }
}

/** The backend cannot wait for results without giving up control. */
export class CannotBlockError extends Error {
  override name = 'CannotBlockError';
}

const caches = new WeakMap<Backend, ProgramCache>();

function cacheOf(backend: Backend): ProgramCache {
  const cache = caches.get(backend) ?? new ProgramCache();
  caches.set(backend, cache);
  return cache;
}

interface Prepared {
  readonly program: CachedProgram;
  readonly allocations: Allocation[];
  readonly results: Storage[];
  /** Memory that is freed after the run. */
  readonly borrowed: readonly Allocation[];
}

/** Schedules and plans the graph; `storages` are numbered as in its key. */
function makeProgram(
  backend: Backend,
  roots: readonly Node[],
  canonical: CanonicalGraph,
  storages: readonly Storage[],
): CachedProgram {
  const listen = debugListener('values that are read', backend);
  const named = roots.map((node, k) => ({ node, use: `value ${k}` }));
  const planned = planGraph(named, { canonical, listen });
  const { externals, times } = planned;
  const numbered = externals.map((external: External) => {
    if (external.kind === 'storage') return { storage: storages.indexOf(external.storage) };
    if (external.kind === 'root') return { root: external.index };
    throw new Error('an argument of a compiled function was used outside of the function');
  });
  const prepared = preparePlan(backend, planned, listen);
  listen?.('times', () => formatTimes({ ...times, ...prepared.times }));
  return { executable: prepared.executable, runs: 0, externals: numbered };
}

/** `mayBorrow`: values that are kept in JavaScript's memory are copied to the backend for this run only: see `isStarving`. */
function prepare(backend: Backend, roots: readonly Node[], cache: ProgramCache, mayBorrow = false): Prepared {
  const graph = canonicalize(roots);
  const { key, storages } = graphKey(graph);
  const program = cache.get(key, () => makeProgram(backend, roots, graph, storages));
  const results = roots.map(({ dtype, shape }) => {
    const length = sizeOf(shape);
    return new Storage(backend, dtype, length, { allocation: backend.allocate(length * bytesOf(dtype)) });
  });
  const borrowed: Allocation[] = [];
  const memoryOf = (storage: Storage): Allocation => {
    if (!mayBorrow || storage.source === null || !isStarving()) return allocationOf(storage);
    const allocation = storeValues(backend, storage.dtype, storage.source());
    borrowed.push(allocation);
    return allocation;
  };
  const inputs = new Map<Storage, Allocation>();
  for (const external of program.externals)
    if ('storage' in external) {
      const storage = nth(storages, external.storage);
      if (!inputs.has(storage)) inputs.set(storage, memoryOf(storage));
    }
  const allocations = program.externals.map((external) =>
    'storage' in external ? lookUp(inputs, nth(storages, external.storage)) : allocationOf(nth(results, external.root)),
  );
  return { program, allocations, results, borrowed };
}

/** Computes the nodes, each into a new storage. */
export async function executeGraph(
  backend: Backend,
  roots: readonly Node[],
  cache: ProgramCache = cacheOf(backend),
): Promise<Storage[]> {
  const { program, allocations, results } = prepare(backend, roots, cache);
  program.runs++;
  try {
    await program.executable.run(allocations);
  } finally {
    program.runs--;
  }
  return results;
}

/** The same, blocking, where the backend can. */
export function executeGraphSync(backend: Backend, roots: readonly Node[]): Storage[] {
  const { program, allocations, results, borrowed } = prepare(backend, roots, cacheOf(backend), true);
  if (program.executable.runSync === undefined)
    throw new CannotBlockError(
      `backend '${backend.name}' cannot compute synchronously: use await x.data() or await x.item()`,
    );
  program.executable.runSync(allocations);
  for (const allocation of borrowed) backend.free(allocation);
  return results;
}
