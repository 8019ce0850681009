/** Curves for the page: a part of a run's steps in as many groups as the page can show. */
import type { CurvesRequest, HeldCurve, MetricCurve, RunCurves } from '../shared/api.ts';
import type { GroupTable, MetricGroups, PlaceGroups } from './group-table.ts';
import type { MetricsIndex } from './metrics-index.ts';

/** Steps that are shown in smaller groups than the index has are read from the file, unless they take more bytes than this. */
const mostBytesRead = 8 * 2 ** 20;

type Wanted = Pick<CurvesRequest, 'metrics' | 'axis' | 'range' | 'points' | 'bands'>;

/** The first and the last group that overlap a range of the axis; null: none does. */
function groupsIn({ first, last }: PlaceGroups, range: Wanted['range']): readonly [number, number] | null {
  if (first.length === 0) return null;
  if (range === null) return [0, first.length - 1];
  const [from, to] = range;
  // A step outside of the range on each side, so that curves reach the chart's edges.
  const begin = last.findIndex((place) => place >= from);
  const end = first.findLastIndex((place) => place <= to);
  if (begin < 0 && end < 0) return null;
  const low = Math.max(0, (begin < 0 ? first.length : begin) - 1);
  const high = Math.min(first.length - 1, (end < 0 ? -1 : end) + 1);
  return low <= high ? [low, high] : null;
}

/** The smallest power of two so that `steps` steps are at most `points` groups. */
export function fittingSize(steps: number, points: number): number {
  let size = 1;
  while (steps / size > points) size *= 2;
  return size;
}

/** The curves of an indexed run. */
export async function curvesOf(
  id: string,
  index: MetricsIndex,
  wanted: Wanted,
  held: HeldCurve | null,
): Promise<RunCurves> {
  const { table, generation, read } = index;
  const common = { id, generation, read };
  const part = groupsIn(table.places[wanted.axis], wanted.range);
  if (part === null) return { ...common, ...emptyPart(table) };
  const [from, to] = part;
  const size = fittingSize((to - from + 1) * table.groupSize, wanted.points);
  if (size < table.groupSize && index.bytesOf(from, to) <= mostBytesRead) {
    const fine = await index.readGroups(from, to, size);
    if (fine !== null) return { ...common, ...partOf(fine, wanted, [0, fine.groups - 1], fine.groupSize, 0) };
  }
  const shown = Math.max(size, table.groupSize);
  const isContinued =
    held !== null && wanted.range === null && held.generation === generation && held.groupSize === shown;
  // The last held group may have grown.
  return { ...common, ...partOf(table, wanted, part, shown, isContinued ? Math.max(0, held.groups - 1) : 0) };
}

/** The curves of samples of a file that is not indexed yet. */
export function previewCurves(id: string, table: GroupTable, wanted: Wanted, read: number): RunCurves {
  const part = groupsIn(table.places[wanted.axis], wanted.range);
  const common = { id, generation: -1, read };
  if (part === null) return { ...common, ...emptyPart(table) };
  return { ...common, ...partOf(table, wanted, part, table.groupSize, 0) };
}

const emptyPart = ({ groupSize, metrics }: GroupTable) => ({
  groupSize,
  start: 0,
  x: [],
  names: [...metrics.keys()],
  metrics: {},
});

/** Joins the groups of a table to larger ones, whose bounds do not depend on the shown part. `start`: the first group to be sent. */
function partOf(
  table: GroupTable,
  { metrics, axis, bands }: Wanted,
  [from, to]: readonly [number, number],
  groupSize: number,
  start: number,
): Omit<RunCurves, 'id' | 'generation' | 'read'> {
  const joined = groupSize / table.groupSize;
  const { first, last } = table.places[axis];
  const bounds: (readonly [number, number])[] = [];
  for (let begin = Math.floor(from / joined) * joined; begin <= to; begin += joined)
    bounds.push([begin, Math.min(begin + joined, table.groups) - 1]);
  const sent = bounds.slice(start);
  const x = sent.map(([begin, end]) => ((first[begin] as number) + (last[end] as number)) / 2);
  const curves: Record<string, MetricCurve> = {};
  for (const name of metrics) {
    const groups = table.metrics.get(name);
    if (groups !== undefined) curves[name] = metricCurve(groups, sent, bounds, bands && groupSize > 1);
  }
  const hasPlaces = x.every(Number.isFinite);
  return {
    groupSize,
    start,
    x: hasPlaces ? x : [],
    names: [...table.metrics.keys()],
    metrics: hasPlaces ? curves : {},
  };
}

/** @param hasBands whether the smallest and the largest value are sent; of single steps they are the value itself */
function metricCurve(
  { min, max, sum, count, nonFinite }: MetricGroups,
  sent: readonly (readonly [number, number])[],
  all: readonly (readonly [number, number])[],
  hasBands: boolean,
): MetricCurve {
  const curve = { mean: [] as (number | null)[], min: [] as (number | null)[], max: [] as (number | null)[] };
  for (const [begin, end] of sent) {
    let [low, high, total, values] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (let k = begin; k <= end; k++) {
      low = Math.min(low, min[k] as number);
      high = Math.max(high, max[k] as number);
      total += sum[k] as number;
      values += count[k] as number;
    }
    curve.mean.push(values === 0 ? null : total / values);
    if (!hasBands) continue;
    curve.min.push(values === 0 ? null : low);
    curve.max.push(values === 0 ? null : high);
  }
  const [begin, end] = [all[0]?.[0] ?? 0, all.at(-1)?.[1] ?? -1];
  let missing = 0;
  for (let k = begin; k <= end; k++) missing += nonFinite[k] as number;
  return { ...curve, nonFinite: missing };
}
