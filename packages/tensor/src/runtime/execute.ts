/** Runs graphs through schedule, plan and backend. Programs are kept, so that graphs of the same structure are scheduled once. */

import type { Node } from '../graph/node.ts';
import { allocationOf, Storage } from '../graph/storage.ts';
import type { Allocation, Backend, Executable } from '../kernel/backend.ts';
import { bytesOf } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { type CanonicalGraph, canonicalize, graphKey } from '../schedule/canonicalize.ts';
import type { External } from '../schedule/planner.ts';
import { planGraph, preparePlan } from './prepare.ts';
import { debugListener, formatTimes } from './program-forms.ts';

interface CachedProgram {
  readonly executable: Executable;
  /** Storages are identified by their number in the graph's key. */
  readonly externals: readonly ({ readonly storage: number } | { readonly root: number })[];
}

const keptPrograms = 256;
const programs = new WeakMap<Backend, Map<string, CachedProgram>>();

interface Prepared {
  readonly executable: Executable;
  readonly allocations: Allocation[];
  readonly results: Storage[];
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
  const { plan, externals, times } = planGraph(named, { canonical, listen });
  const numbered = externals.map((external: External) => {
    if (external.kind === 'storage') return { storage: storages.indexOf(external.storage) };
    if (external.kind === 'root') return { root: external.index };
    throw new Error('an argument of a compiled function was used outside of the function');
  });
  const prepared = preparePlan(backend, plan, listen);
  listen?.('times', () => formatTimes({ ...times, ...prepared.times }));
  return { executable: prepared.executable, externals: numbered };
}

function prepare(backend: Backend, roots: readonly Node[]): Prepared {
  const graph = canonicalize(roots);
  const { key, storages } = graphKey(graph);
  const cache = programs.get(backend) ?? new Map<string, CachedProgram>();
  programs.set(backend, cache);
  let program = cache.get(key);
  cache.delete(key);
  program ??= makeProgram(backend, roots, graph, storages);
  cache.set(key, program);
  for (const [oldest, { executable }] of cache) {
    if (cache.size <= keptPrograms) break;
    cache.delete(oldest);
    executable.dispose();
  }
  const results = roots.map(({ dtype, shape }) => {
    const length = sizeOf(shape);
    return new Storage(backend, dtype, length, { allocation: backend.allocate(length * bytesOf(dtype)) });
  });
  const allocations = program.externals.map((external) =>
    'storage' in external ? allocationOf(nth(storages, external.storage)) : allocationOf(nth(results, external.root)),
  );
  return { executable: program.executable, allocations, results };
}

/** Computes the nodes, each into a new storage. */
export async function executeGraph(backend: Backend, roots: readonly Node[]): Promise<Storage[]> {
  const { executable, allocations, results } = prepare(backend, roots);
  await executable.run(allocations);
  return results;
}

/** The same, blocking, where the backend can. */
export function executeGraphSync(backend: Backend, roots: readonly Node[]): Storage[] {
  const { executable, allocations, results } = prepare(backend, roots);
  if (executable.runSync === undefined)
    throw new Error(`backend '${backend.name}' cannot compute synchronously: use await x.data() or await x.item()`);
  executable.runSync(allocations);
  return results;
}
