/** Parallel coordinates of a sweep as data: axes with ticks, and where each configuration crosses them. */
import { valueText } from '../names.ts';
import type { ParameterInfo, SweepResults } from '../results.ts';

interface Tick {
  /** From 0 at the bottom of the axis to 1 at its top. */
  readonly at: number;
  readonly text: string;
}

interface Axis {
  readonly label: string;
  /** The whole name. */
  readonly title: string;
  readonly ticks: readonly Tick[];
}

/** A configuration that has a value. */
export interface Line {
  /** Number of the configuration. */
  readonly number: number;
  readonly rank: number;
  /** Where it crosses each axis, from 0 to 1. */
  readonly at: readonly number[];
  /** 0 for the worst value of the metric, 1 for the best. */
  readonly share: number;
  readonly title: string;
}

export interface Coordinates {
  readonly axes: readonly Axis[];
  /** The best first. */
  readonly lines: readonly Line[];
  /** The worst and the best value, as texts. */
  readonly range: readonly [worst: string, best: string];
}

/** The most ticks that show the values themselves. */
const mostValues = 7;

interface Scale {
  at(value: unknown): number;
  readonly ticks: readonly Tick[];
}

/** Different values from bottom to top in the order in which they first occur. */
function nameScale(values: readonly unknown[]): Scale {
  const names = [...new Set(values.map(valueText))];
  const at = (name: string): number => (names.indexOf(name) + 0.5) / names.length;
  return { at: (value) => at(valueText(value)), ticks: names.map((text) => ({ at: at(text), text })) };
}

/** Numbers from the smallest to the largest. @param isLogarithmic whether equal factors have equal distances; all numbers are above 0 then */
function numberScale(values: readonly number[], isLogarithmic: boolean): Scale {
  const position = (value: number): number => (isLogarithmic ? Math.log(value) : value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const at = (value: number): number =>
    low === high ? 0.5 : (position(value) - position(low)) / (position(high) - position(low));
  const different = [...new Set(values)].sort((a, b) => a - b);
  const shown =
    different.length <= mostValues ? different : [low, ...(isLogarithmic ? decades : roundNumbers)(low, high), high];
  const ticks: Tick[] = [];
  for (const [k, value] of shown.entries()) {
    const tick = { at: at(value), text: valueText(value) };
    const isEnd = k === 0 || k === shown.length - 1;
    // The ends are always labeled; others only where there is room.
    const isFree = ticks.every((other) => Math.abs(other.at - tick.at) > 0.06) && (isEnd || 1 - tick.at > 0.06);
    if (isEnd || isFree) ticks.push(tick);
  }
  return { at: (value) => at(Number(value)), ticks };
}

/** 1, 2 and 5 times powers of ten between two numbers. */
function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const count = Math.ceil(Math.log10(high)) - first + 1;
  const factors = count > 4 ? [1] : [1, 2, 5];
  return Array.from({ length: count }, (_, k) => factors.map((factor) => Number(`${factor}e${first + k}`)))
    .flat()
    .filter((value) => value > low && value < high);
}

/** About five round numbers between two numbers. */
function roundNumbers(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) =>
    Number(((first + k) * step).toPrecision(12)),
  ).filter((value) => value > low && value < high);
}

function scaleOf({ scale }: Pick<ParameterInfo, 'scale'>, values: readonly unknown[]): Scale {
  const numbers = values.filter((value) => typeof value === 'number');
  if (scale === 'names' || numbers.length < values.length) return nameScale(values);
  return numberScale(numbers, scale === 'logarithmic' && numbers.every((value) => value > 0));
}

/** One axis for each parameter, for the epochs where configurations were stopped at different ones, and for the metric. */
export function coordinatesOf({ configurations, parameters, metric, method }: SweepResults): Coordinates {
  const shown = configurations.flatMap((one) => (one.mean === null ? [] : [{ ...one, mean: one.mean }]));
  const inOrder = shown.toSorted((a, b) => a.number - b.number);
  const columns = [
    ...parameters.map(({ key, label, scale }) => ({
      label,
      title: key,
      scale,
      read: ({ settings }: (typeof shown)[number]): unknown => settings[key],
    })),
    ...(method === 'successive-halving'
      ? [
          {
            label: 'epochs',
            title: 'epochs',
            scale: 'logarithmic' as const,
            read: ({ epochs }: (typeof shown)[number]): unknown => epochs,
          },
        ]
      : []),
    {
      label: metric.name,
      title: metric.name,
      scale: 'linear' as const,
      read: ({ mean }: (typeof shown)[number]): unknown => mean,
    },
  ];
  const scales = columns.map((column) => scaleOf(column, inOrder.map(column.read)));
  const means = shown.map(({ mean }) => mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const [worst, best] = metric.mode === 'max' ? [low, high] : [high, low];
  return {
    axes: columns.map(({ label, title }, k) => ({ label, title, ticks: scales[k]?.ticks ?? [] })),
    lines: shown.map((one) => ({
      number: one.number,
      rank: one.rank,
      at: columns.map(({ read }, k) => scales[k]?.at(read(one)) ?? 0),
      share: worst === best ? 1 : 1 - (one.mean - best) / (worst - best),
      title: columns.map(({ label, read }) => `${label} ${valueText(read(one))}`).join(', '),
    })),
    range: [valueText(worst), valueText(best)],
  };
}
