/** The curves of a planned chart, from what the server has sent. */
import type { Look, Series } from '@tessera/train/charts';
import type { EvaluationPoint, RunCurves, RunSummary } from '../../shared/api.ts';
import { runColor, type Theme } from '../chart/colors.ts';
import { smoothed } from '../chart/smooth.ts';
import type { Address } from '../state/address-text.ts';

export interface ShownRun {
  readonly run: RunSummary;
  readonly color: string;
}

/** One chart before it has its curves. */
export interface Plan {
  readonly key: string;
  readonly kind: 'step' | 'evaluation';
  readonly name: string;
  readonly look: Look;
}

/** With more runs, the ranges of groups of steps would hide each other. */
export const mostBands = 3;
const mostRaw = 6;

/** The dashes of the splits that are drawn in one chart with several runs: the first is a whole line. */
const dashes: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

/** The color of a split in the charts of a single run, whose colors need not tell runs apart: the first has that of the run. */
export const splitColor = (own: string, place: number, theme: Theme): string =>
  place === 0
    ? own
    : ([0, 1, 2, 3, 4, 5, 6, 7].map((k) => runColor(k, theme)).filter((color) => color !== own)[(place - 1) % 7] ??
      own);

function evaluationSeries(
  { name }: Plan,
  { run, color }: ShownRun,
  points: readonly EvaluationPoint[],
  { splits, axis, runs, theme }: Pick<ChartSources, 'splits' | 'axis' | 'runs' | 'theme'>,
): Series[] {
  return splits.flatMap((split, k) => {
    const own = points.filter((point) => point.split === split && name in point.values && point.at[axis] !== null);
    if (own.length === 0) return [];
    return {
      id: run.id,
      label: splits.length === 1 ? run.name : `${run.name}, ${split}`,
      color: runs.length === 1 ? splitColor(color, k, theme) : color,
      x: own.map(({ at }) => at[axis] as number),
      y: own.map(({ values }) => values[name] ?? null),
      raw: null,
      band: null,
      dash: runs.length === 1 ? [] : (dashes[k % dashes.length] ?? []),
      hasDots: true,
    };
  });
}

function stepSeries(
  { name, look }: Plan,
  { run, color }: ShownRun,
  curves: RunCurves | undefined,
  weight: number,
  width: number,
  runs: number,
): Series[] {
  const metric = curves?.metrics[name];
  if (curves === undefined || metric === undefined) return [];
  const isSmoothed = look.isNoisy && weight > 0;
  const band = metric.min.length > 0 && runs <= mostBands ? metric : null;
  return [
    {
      id: run.id,
      label: run.name,
      color,
      x: curves.x,
      y: isSmoothed ? smoothed(curves.x, metric.mean, weight, width) : metric.mean,
      raw: isSmoothed && band === null && runs <= mostRaw ? metric.mean : null,
      band,
      dash: [],
      hasDots: false,
    },
  ];
}

/** The width of the shown part of the x-axis. */
function widthOf(range: Address['range'], curves: ReadonlyMap<string, RunCurves>): number {
  if (range !== null) return range[1] - range[0];
  const ends = [...curves.values()].flatMap(({ x }) => (x.length === 0 ? [] : [[x[0] as number, x.at(-1) as number]]));
  return (
    Math.max(...ends.map(([, end = 0]) => end), 0) - Math.min(...ends.map(([begin = 0]) => begin), Number.MAX_VALUE)
  );
}

/** What all charts of a page share. */
export interface ChartSources {
  readonly runs: readonly ShownRun[];
  readonly curves: ReadonlyMap<string, RunCurves>;
  readonly evaluations: ReadonlyMap<string, readonly EvaluationPoint[]>;
  readonly splits: readonly string[];
  readonly theme: Theme;
  readonly axis: Address['axis'];
  readonly range: Address['range'];
  /** Weight of the smoothing. */
  readonly weight: number;
}

export function seriesOf(plan: Plan, sources: ChartSources): Series[] {
  const { runs, curves, evaluations, range, weight } = sources;
  const width = widthOf(range, curves);
  return runs.flatMap((shown) =>
    plan.kind === 'step'
      ? stepSeries(plan, shown, curves.get(shown.run.id), weight, width, runs.length)
      : evaluationSeries(plan, shown, evaluations.get(shown.run.id) ?? [], sources),
  );
}
