/** The ends of a chart's axes, and the distances of their ticks. */
import type { ChartFormat } from '../looks.ts';

type Values = readonly (number | null)[];

export type Interval = readonly [low: number, high: number];

/** Exported, because declarations name it. @public */
export interface Line {
  readonly x: readonly number[];
  readonly y: Values;
}

export type ChartScales = ReturnType<typeof chartScales>;

/**
 * Functions for the axes of charts.
 *
 * Self-contained, because the report has it as text: it uses nothing from outside of it but its parameters.
 */
export function chartScales() {
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
  function extent(lines: readonly Line[], range: Interval, isLog: boolean): Interval | null {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of valuesIn(lines, range, isLog)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low <= high ? [low, high] : null;
  }

  /** The values without the smallest and the largest twentieth: single steps far outside must not flatten a curve. */
  function usualExtent(lines: readonly Line[], range: Interval, isLog: boolean): Interval | null {
    const sorted = Float64Array.from(valuesIn(lines, range, isLog)).sort();
    const at = (share: number): number | undefined => sorted[Math.round(share * (sorted.length - 1))];
    const [low, high] = [at(0.05), at(0.95)];
    return low === undefined || high === undefined ? null : [low, high];
  }

  /** The y-axis around values: with some room, and no share beyond 0 or 100 %. */
  function valueAxis(values: Interval | null, format: ChartFormat, isLog: boolean): Interval {
    if (values === null) return isLog ? [0.1, 1] : [0, 1];
    const [low, high] = values;
    if (isLog) {
      const room = low === high ? 2 : (high / low) ** 0.06;
      return [low / room, high * room];
    }
    // Memory that grows by a thousandth must not look as if it doubled.
    const least = format === 'bytes' ? 0.2 * high : 0;
    const room =
      low === high && least === 0
        ? Math.abs(low) / 2 || 0.5
        : Math.max(0.07 * (high - low), (least - (high - low)) / 2);
    const most = format === 'percent' && high <= 1 ? 1 : Number.POSITIVE_INFINITY;
    return [low >= 0 ? Math.max(0, low - room) : low - room, Math.min(most, high + room)];
  }

  /** The x-axis around places: a single place has room on both sides. */
  function placeAxis(places: Interval | null): Interval {
    if (places === null) return [0, 1];
    const [low, high] = places;
    return low === high ? [Math.max(0, low - 1), low + 1] : places;
  }

  /** Distances of ticks on an axis that counts whole numbers; fractions appear only where less than two whole ones are shown. */
  function wholeIncrements([low, high]: Interval): number[] {
    const wholes = Array.from({ length: 10 }, (_, k) => [1, 2, 5].map((digit) => digit * 10 ** k)).flat();
    return high - low < 2 ? [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...wholes] : wholes;
  }

  /** Distances of ticks on an axis of bytes: 1, 2 and 5 times powers of ten of MiB, and of GiB. */
  const byteIncrements: number[] = [20, 30]
    .flatMap((power) => [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map((count) => count * 2 ** power))
    .sort((a, b) => a - b);

  const minute = 60;
  const hour = 60 * minute;
  const day = 24 * hour;

  /** Distances of ticks on an axis of seconds. */
  const timeIncrements: number[] = [
    ...[0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30],
    ...[1, 2, 5, 10, 30].map((minutes) => minutes * minute),
    ...[1, 2, 3, 6, 12].map((hours) => hours * hour),
    ...[1, 2, 5, 10, 30, 100, 365].map((days) => days * day),
  ];

  /** The place of the entry that is nearest to a value, in ascending entries; -1 without entries. */
  function nearest(x: readonly number[], value: number): number {
    let [low, high] = [0, x.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((x[middle] as number) < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0 && Math.abs((x[low - 1] as number) - value) <= Math.abs((x[low] as number) - value)) return low - 1;
    return x.length === 0 ? -1 : low;
  }

  return { extent, usualExtent, valueAxis, placeAxis, wholeIncrements, byteIncrements, timeIncrements, nearest };
}
