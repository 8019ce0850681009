/** The charts of a report, from the lines of metrics.jsonl. */
import type { MetricsRecord } from '../loop/metrics-file.ts';
import { humanize } from './format.ts';
import { type ChartFormat, inUsualOrder, isCurve, lookOf } from './looks.ts';

/** One chart as the page's script draws it. */
export interface Chart {
  readonly title: string;
  /** What the x-axis shows. Learning rates have a logarithmic scale. */
  readonly xLabel: 'step' | 'epoch' | 'learning rate';
  readonly format: ChartFormat;
  readonly x: readonly number[];
  readonly series: readonly ChartSeries[];
  /** A vertical line with a label. */
  readonly mark?: { readonly x: number; readonly label: string };
}

interface ChartSeries {
  readonly label: string;
  readonly y: readonly (number | null)[];
  /** Drawn pale, behind the others: the raw values of a smoothed curve. */
  readonly pale?: boolean;
}

/** The largest number of points of a curve: more than the width of a page would not be visible. */
const MAX_POINTS = 1000;

/** Whether a number of the records is drawn. */
export type CurveChoice = (name: string) => boolean;

/** One chart for each number of the `step` records, over the steps. */
export function stepCharts(records: readonly MetricsRecord[], isShown: CurveChoice = () => true): Chart[] {
  const steps = records.filter(({ kind }) => kind === 'step');
  const present = new Set(
    steps.flatMap((record) => Object.keys(record).filter((key) => isCurve(key, record[key]) && isShown(key))),
  );
  const size = binSize(steps.length);
  return inUsualOrder('step', present).map((name) => {
    const { title, format, isNoisy } = lookOf('step', name);
    const points = binned(
      steps.map((record) => ({ x: record.step, y: numberOrNull(record[name]) })),
      size,
    );
    const raw = points.map(({ y }) => y);
    const series = isNoisy
      ? [
          { label: size === 1 ? 'each step' : `mean of ${size} steps`, y: raw.map(rounded), pale: true },
          { label: 'smoothed', y: movingAverage(raw).map(rounded) },
        ]
      : [{ label: humanize(name).toLowerCase(), y: raw.map(rounded) }];
    return { title, xLabel: 'step', format, x: points.map(({ x }) => x), series };
  });
}

/** One chart for each value of the `evaluation` records, over the epochs, with a curve for each split. */
export function evaluationCharts(records: readonly MetricsRecord[], isShown: CurveChoice = () => true): Chart[] {
  const evaluations = records.filter(({ kind }) => kind === 'evaluation').map(parseEvaluation);
  const splits = [...new Set(evaluations.map(({ split }) => split))];
  const epochs = [...new Set(evaluations.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  const present = new Set(evaluations.flatMap(({ values }) => Object.keys(values).filter(isShown)));
  return inUsualOrder('evaluation', present).map((name) => {
    const { title, format } = lookOf('evaluation', name);
    const series = splits.flatMap((split) => {
      const own = evaluations.filter((evaluation) => evaluation.split === split && name in evaluation.values);
      if (own.length === 0) return [];
      const valueAt = new Map(own.map(({ epoch, values }) => [epoch, numberOrNull(values[name])]));
      return [{ label: split, y: epochs.map((epoch) => rounded(valueAt.get(epoch) ?? null)) }];
    });
    return { title, xLabel: 'epoch', format, x: epochs, series };
  });
}

function parseEvaluation(record: MetricsRecord): { epoch: number; split: string; values: Record<string, unknown> } {
  const { step, epoch, split, values } = record;
  if (typeof epoch !== 'number' || typeof split !== 'string' || typeof values !== 'object' || values === null) {
    throw new Error(`report: the evaluation after step ${step} lacks "epoch" (number), "split" (text) or "values"`);
  }
  return { epoch, split, values: values as Record<string, unknown> };
}

const numberOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

interface Point {
  readonly x: number;
  readonly y: number | null;
}

/** The number of consecutive points in a bin: 1, unless there are more points than the page can show. */
const binSize = (count: number): number => Math.max(1, Math.ceil(count / MAX_POINTS));

/** Means over bins of consecutive points. */
function binned(points: readonly Point[], size: number): Point[] {
  if (size === 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    const values = group.flatMap(({ y }) => (y === null ? [] : [y]));
    return {
      x: Math.max(...group.map(({ x }) => x)),
      y: values.length > 0 ? values.reduce((sum, y) => sum + y, 0) / values.length : null,
    };
  });
}

/** Exponential moving average over about a sixtieth of the curve, with bias correction; gaps stay gaps. */
function movingAverage(values: readonly (number | null)[]): (number | null)[] {
  const decay = 1 - 1 / Math.max(1, values.length / 60);
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = decay * sum + value;
    weight = decay * weight + 1;
    return sum / weight;
  });
}

/** Rounded to six digits, which is more than a chart can show, to keep the page small. */
const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(6)));
