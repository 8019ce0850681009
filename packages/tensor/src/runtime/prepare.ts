/** From a graph to something that runs: schedule, plan and code. Each stage is timed, and its result is shown to a listener if there is one. */

import { formatGraph, type NamedRoot, numberNodes } from '../graph/format-graph.ts';
import { orderNodes } from '../graph/node.ts';
import { type Storage, uncomputedSources } from '../graph/storage.ts';
import { type Backend, type Executable, UnsupportedDTypeError } from '../kernel/backend.ts';
import { type Exchanges, formatPlan, type Plan } from '../kernel/plan.ts';
import { type CanonicalGraph, canonicalize } from '../schedule/canonicalize.ts';
import { formatRole, formatSchedule } from '../schedule/format-schedule.ts';
import { type PlannedSchedule, planSchedule } from '../schedule/planner.ts';
import { schedule } from '../schedule/schedule.ts';
import { ExchangingExecutable } from './exchanging.ts';
import { type FormListener, formatCode, type ProgramTimes } from './program-forms.ts';

/** Runs `body` and returns its result and the milliseconds that it took. */
function timed<T>(body: () => T): readonly [result: T, milliseconds: number] {
  const start = performance.now();
  const result = body();
  return [result, performance.now() - start];
}

export interface GraphOptions {
  /** The canonical graph of the roots, if the caller has it already. */
  readonly canonical?: CanonicalGraph;
  /** See `planSchedule`. */
  readonly replaces?: ReadonlyMap<number, Storage>;
  readonly listen?: FormListener | null;
}

type PlanTimes = Pick<ProgramTimes, 'scheduling' | 'planning'>;

/** The plan that computes the roots. */
export function planGraph(
  roots: readonly NamedRoot[],
  { canonical, replaces, listen }: GraphOptions,
): PlannedSchedule & { readonly times: PlanTimes } {
  // Each form is shown before the next stage starts: what fails there can be understood from it.
  listen?.('graph', () => formatRecorded(roots));
  const [graph, canonicalizing] = timed(() => canonical ?? canonicalize(roots.map(({ node }) => node)));
  listen?.('canonical', () => formatCanonical(graph, roots));
  const [scheduled, scheduling] = timed(() => schedule(graph));
  const uses = roots.map(({ use }) => use);
  listen?.('kernels', () => formatSchedule(scheduled, numberNodes(graph.order, 'c'), uses));
  const [planned, planning] = timed(() => planSchedule(scheduled, replaces));
  listen?.('plan', () => {
    const externals = planned.externals.map((external) => formatRole(external, uses));
    return formatPlan(planned.plan, externals, planned.exchanges.collectives);
  });
  return { ...planned, times: { scheduling: canonicalizing + scheduling, planning } };
}

function formatCanonical(graph: CanonicalGraph, roots: readonly NamedRoot[]): string {
  const uses = graph.roots.map((node, k) => ({ node, use: roots[k]?.use ?? `root ${k}` }));
  return formatGraph(graph.order, uses, numberNodes(graph.order, 'c'));
}

/** The graph as it was recorded, down to what was computed before. */
function formatRecorded(roots: readonly NamedRoot[]): string {
  const order = orderNodes(
    roots.map(({ node }) => node),
    uncomputedSources,
  ).sort((a, b) => a.id - b.id);
  return formatGraph(order, roots, numberNodes(order, 'n'), uncomputedSources);
}

/** Makes a plan ready to run. @throws UnsupportedDTypeError if a buffer has a dtype that the backend does not support */
export function preparePlan(
  backend: Backend,
  { plan, exchanges }: { readonly plan: Plan; readonly exchanges: Exchanges },
  listen: FormListener | null = null,
): { readonly executable: Executable; readonly times: Pick<ProgramTimes, 'generating' | 'compiling'> } {
  for (const dtype of new Set(plan.buffers.map((buffer) => buffer.dtype))) {
    const reason = backend.whyUnsupported?.(dtype) ?? null;
    if (reason !== null) throw new UnsupportedDTypeError(reason);
  }
  const [executable, milliseconds] = timed(() =>
    exchanges.collectives.length === 0 ? backend.prepare(plan) : new ExchangingExecutable(backend, plan, exchanges),
  );
  listen?.('code', () => formatCode(backend, executable));
  const compiling = executable.engineMs ?? 0;
  return { executable, times: { generating: milliseconds - compiling, compiling } };
}
