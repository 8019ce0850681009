/** The curves of the shown runs: what is missing is asked for, and what has grown is continued. */
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  type CurvesRequest,
  type CurvesResponse,
  type EvaluationPoint,
  type EvaluationsRequest,
  type EvaluationsResponse,
  type MetricCurve,
  paths,
  type RunCurves,
  type RunSummary,
} from '../../shared/api.ts';
import { postJson } from './fetch.ts';

/** Runs of the first request. Each further one has three times as many: the first curves appear soon, and all are not drawn often. */
const firstRuns = 8;

export interface CurvesQuery extends Pick<CurvesRequest, 'metrics' | 'axis' | 'range' | 'points' | 'bands'> {
  /** The shown runs. */
  readonly runs: readonly RunSummary[];
}

/** What the page has of a run. */
interface Held {
  readonly version: string;
  readonly curves: RunCurves | null;
  readonly points: readonly EvaluationPoint[];
}

export interface Curves {
  readonly curves: ReadonlyMap<string, RunCurves>;
  readonly evaluations: ReadonlyMap<string, readonly EvaluationPoint[]>;
  /** Whether something is missing that was asked for. */
  readonly isLoading: boolean;
  readonly problem: string | null;
}

const joinedMetric = (before: MetricCurve | undefined, more: MetricCurve, start: number): MetricCurve => ({
  mean: [...(before?.mean ?? []).slice(0, start), ...more.mean],
  min: [...(before?.min ?? []).slice(0, start), ...more.min],
  max: [...(before?.max ?? []).slice(0, start), ...more.max],
  nonFinite: more.nonFinite,
});

/** Curves with what was appended to them. */
export function continued(before: RunCurves | null, more: RunCurves): RunCurves {
  if (more.start === 0 || before === null) return more;
  return {
    ...more,
    start: 0,
    x: [...before.x.slice(0, more.start), ...more.x],
    metrics: Object.fromEntries(
      Object.entries(more.metrics).map(([name, curve]) => [
        name,
        joinedMetric(before.metrics[name], curve, more.start),
      ]),
    ),
  };
}

function heldOf(curves: RunCurves | null, metrics: readonly string[]): CurvesRequest['runs'][number]['held'] {
  if (curves === null || curves.generation < 0) return null;
  // A number that appeared later has no beginning here.
  if (metrics.some((name) => curves.names.includes(name) && curves.metrics[name] === undefined)) return null;
  return { generation: curves.generation, groupSize: curves.groupSize, groups: curves.x.length };
}

/** Follows the curves of a query. While a new query is answered, the curves of the one before stay. */
export function useCurves({ runs, metrics, axis, range, points, bands }: CurvesQuery): Curves {
  const held = useRef(new Map<string, Held>());
  const [found, setFound] = useState<Curves>({
    curves: new Map(),
    evaluations: new Map(),
    isLoading: true,
    problem: null,
  });
  const key = JSON.stringify([metrics, axis, range, points, bands]);
  const lastKey = useRef(key);
  const versions = runs.map(({ id, version }) => `${id} ${version}`).join('\n');

  // Key and versions stand in for the lists they are made of.
  useEffect(() => {
    if (lastKey.current !== key) {
      for (const [id, one] of held.current) held.current.set(id, { ...one, version: '', curves: null });
      lastKey.current = key;
    }
    const stop = new AbortController();
    const shown = new Set(runs.map(({ id }) => id));
    for (const id of held.current.keys()) if (!shown.has(id)) held.current.delete(id);
    const publish = (isLoading: boolean, problem: string | null): void =>
      setFound((before) => {
        const curves = new Map<string, RunCurves>();
        const evaluations = new Map<string, readonly EvaluationPoint[]>();
        for (const { id } of runs) {
          const one = held.current.get(id);
          const curve = one?.curves ?? (isLoading ? before.curves.get(id) : undefined);
          if (curve != null) curves.set(id, curve);
          if (one !== undefined) evaluations.set(id, one.points);
        }
        return { curves, evaluations, isLoading, problem };
      });
    void (async () => {
      const missing = runs.filter(({ id, version }) => held.current.get(id)?.version !== version);
      try {
        for (let [from, count] = [0, firstRuns]; from < missing.length; from += count, count *= 3) {
          const part = missing.slice(from, from + count);
          const ids = part.map(({ id }) => id);
          const request: CurvesRequest = {
            runs: ids.map((id) => ({ id, held: heldOf(held.current.get(id)?.curves ?? null, metrics) })),
            metrics,
            axis,
            range,
            points,
            bands,
          };
          const [answer, evaluated] = await Promise.all([
            postJson<CurvesRequest, CurvesResponse>(paths.curves, request, stop.signal),
            postJson<EvaluationsRequest, EvaluationsResponse>(paths.evaluations, { runs: ids }, stop.signal),
          ]);
          const curves = new Map(answer.runs.map((one) => [one.id, one]));
          const evaluations = new Map(evaluated.runs.map((one) => [one.id, one.points]));
          for (const { id, version } of part) {
            const more = curves.get(id);
            const before = held.current.get(id)?.curves ?? null;
            held.current.set(id, {
              version,
              curves: more === undefined ? null : continued(before, more),
              points: evaluations.get(id) ?? [],
            });
          }
          publish(from + count < missing.length, null);
        }
        if (missing.length === 0) publish(false, null);
      } catch (error) {
        if (!stop.signal.aborted) publish(false, (error as Error).message);
      }
    })();
    return () => stop.abort();
  }, [key, versions]);

  return found;
}
