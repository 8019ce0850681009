/** The extent of curves, and the distances of ticks on an axis of time. */
import type { Interval } from '@tessera/train/charts';

type Values = readonly (number | null)[];

interface Line {
  readonly x: readonly number[];
  readonly y: Values;
}

/** The values within a part of the x-axis; on a logarithmic scale only those above 0. */
function valuesIn(lines: readonly Line[], [from, to]: Interval, isLog: boolean): number[] {
  const found: number[] = [];
  for (const { x, y } of lines)
    for (let k = 0; k < y.length; k++) {
      const value = y[k];
      const place = x[k] as number;
      if (value != null && place >= from && place <= to && (!isLog || value > 0)) found.push(value);
    }
  return found;
}

/** The smallest and the largest value within a part of the x-axis; null without values. */
export function extent(lines: readonly Line[], range: Interval, isLog: boolean): Interval | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of valuesIn(lines, range, isLog)) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** The values without the smallest and the largest twentieth: single steps far outside must not flatten a curve. */
export function usualExtent(lines: readonly Line[], range: Interval, isLog: boolean): Interval | null {
  const sorted = Float64Array.from(valuesIn(lines, range, isLog)).sort();
  const at = (share: number): number | undefined => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [at(0.05), at(0.95)];
  return low === undefined || high === undefined ? null : [low, high];
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** Distances of ticks on an axis of seconds. */
export const timeIncrements: number[] = [
  ...[0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30],
  ...[1, 2, 5, 10, 30].map((minutes) => minutes * minute),
  ...[1, 2, 3, 6, 12].map((hours) => hours * hour),
  ...[1, 2, 5, 10, 30, 100, 365].map((days) => days * day),
];

/** The place of the entry that is nearest to a value, in ascending entries; -1 without entries. */
export function nearest(x: readonly number[], value: number): number {
  let [low, high] = [0, x.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && Math.abs((x[low - 1] as number) - value) <= Math.abs((x[low] as number) - value)) return low - 1;
  return x.length === 0 ? -1 : low;
}
