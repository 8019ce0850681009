/** The ends of a chart's axes, and the distances of their ticks. */
import type { ChartFormat } from './looks.ts';

export type Interval = readonly [low: number, high: number];

/** The y-axis around values: with some room, and no share beyond 0 or 100 %. */
export function valueAxis(values: Interval | null, format: ChartFormat, isLog: boolean): Interval {
  if (values === null) return isLog ? [0.1, 1] : [0, 1];
  const [low, high] = values;
  if (isLog) {
    const room = low === high ? 2 : (high / low) ** 0.06;
    return [low / room, high * room];
  }
  // Memory that grows by a thousandth must not look as if it doubled.
  const least = format === 'bytes' ? 0.2 * high : 0;
  const room =
    low === high && least === 0 ? Math.abs(low) / 2 || 0.5 : Math.max(0.07 * (high - low), (least - (high - low)) / 2);
  const most = format === 'percent' && high <= 1 ? 1 : Number.POSITIVE_INFINITY;
  return [low >= 0 ? Math.max(0, low - room) : low - room, Math.min(most, high + room)];
}

/** The x-axis around places: a single place has room on both sides. */
export function placeAxis(places: Interval | null): Interval {
  if (places === null) return [0, 1];
  const [low, high] = places;
  return low === high ? [Math.max(0, low - 1), low + 1] : places;
}

/** Distances of ticks on an axis that counts whole numbers; fractions appear only where less than two whole ones are shown. */
export function wholeIncrements([low, high]: Interval): number[] {
  const wholes = Array.from({ length: 10 }, (_, k) => [1, 2, 5].map((digit) => digit * 10 ** k)).flat();
  return high - low < 2 ? [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, ...wholes] : wholes;
}

/** Distances of ticks on an axis of bytes: 1, 2 and 5 times powers of ten of MiB, and of GiB. */
export const byteIncrements: number[] = [20, 30]
  .flatMap((power) => [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].map((count) => count * 2 ** power))
  .sort((a, b) => a - b);
