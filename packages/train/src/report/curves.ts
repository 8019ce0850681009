/** The charts of a report, from the lines of metrics.jsonl. */
import type { MetricsRecord } from '../loop/metrics-file.ts';
import { humanize } from './format.ts';

type ChartFormat = 'number' | 'percent' | 'scientific';

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

/** How the curves of one number are drawn. */
interface Look {
  readonly title: string;
  readonly format?: ChartFormat;
  /** Draw a moving average over the values of each step. */
  readonly smooth?: boolean;
}

/** The usual curves, in the order in which they are shown; other numbers follow under their own names. */
const STEP_LOOKS: Readonly<Record<string, Look>> = {
  loss: { title: 'Training loss', smooth: true },
  lr: { title: 'Learning rate', format: 'scientific' },
  accuracy: { title: 'Training accuracy', format: 'percent', smooth: true },
  imagesPerSecond: { title: 'Images per second', smooth: true },
  mfu: { title: "Share of the machine's peak (MFU)", format: 'percent', smooth: true },
  gradNorm: { title: 'Gradient norm', smooth: true },
  logitScale: { title: 'Logit scale' },
};

const EVALUATION_LOOKS: Readonly<Record<string, Look>> = {
  loss: { title: 'Loss' },
  imageToTextR1: { title: 'Image to text, R@1', format: 'percent' },
  textToImageR1: { title: 'Text to image, R@1', format: 'percent' },
  imageToTextR5: { title: 'Image to text, R@5', format: 'percent' },
  textToImageR5: { title: 'Text to image, R@5', format: 'percent' },
  imageToTextR10: { title: 'Image to text, R@10', format: 'percent' },
  textToImageR10: { title: 'Text to image, R@10', format: 'percent' },
  top1: { title: 'Top-1 accuracy', format: 'percent' },
  top5: { title: 'Top-5 accuracy', format: 'percent' },
  balancedAccuracy: { title: 'Balanced accuracy', format: 'percent' },
  f1Macro: { title: 'Macro F1', format: 'percent' },
  f1Weighted: { title: 'Weighted F1', format: 'percent' },
  meanIoU: { title: 'Mean IoU', format: 'percent' },
};

const NOT_CURVES = new Set(['kind', 'step', 'epoch', 'time', 'seconds']);

/** One chart for each number of the `step` records, over the steps. */
export function stepCharts(records: readonly MetricsRecord[]): Chart[] {
  const steps = records.filter(({ kind }) => kind === 'step');
  const present = new Set(steps.flatMap((record) => Object.keys(record).filter((key) => isCurve(key, record[key]))));
  return inOrder(present, STEP_LOOKS).map((name) => {
    const { title, format = 'number', smooth = false } = STEP_LOOKS[name] ?? { title: humanize(name) };
    const points = binned(steps.map((record) => ({ x: record.step, y: numberOrNull(record[name]) })));
    const raw = points.map(({ y }) => y);
    const series = smooth
      ? [
          { label: 'each step', y: raw.map(rounded), pale: true },
          { label: 'smoothed', y: movingAverage(raw).map(rounded) },
        ]
      : [{ label: humanize(name).toLowerCase(), y: raw.map(rounded) }];
    return { title, xLabel: 'step', format, x: points.map(({ x }) => x), series };
  });
}

/** One chart for each value of the `evaluation` records, over the epochs, with a curve for each split. */
export function evaluationCharts(records: readonly MetricsRecord[]): Chart[] {
  const evaluations = records.filter(({ kind }) => kind === 'evaluation').map(parseEvaluation);
  const splits = [...new Set(evaluations.map(({ split }) => split))];
  const epochs = [...new Set(evaluations.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  const present = new Set(evaluations.flatMap(({ values }) => Object.keys(values)));
  return inOrder(present, EVALUATION_LOOKS).map((name) => {
    const { title, format = 'number' } = EVALUATION_LOOKS[name] ?? { title: humanize(name) };
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

const isCurve = (key: string, value: unknown): boolean => typeof value === 'number' && !NOT_CURVES.has(key);

/** The names with a look in the order of the looks, then the others alphabetically. */
function inOrder(names: ReadonlySet<string>, looks: Readonly<Record<string, Look>>): string[] {
  const known = Object.keys(looks).filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !Object.hasOwn(looks, name)).sort()];
}

interface Point {
  readonly x: number;
  readonly y: number | null;
}

/** Means over groups of consecutive points, if there are more points than the page can show. */
function binned(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / MAX_POINTS);
  if (size <= 1) return [...points];
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
