/** How numbers are distributed: some of their quantiles. */

export interface Quantiles {
  readonly count: number;
  readonly min: number;
  readonly p10: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

/** The quantiles of numbers, each of which is one of them (nearest rank); null without numbers. NaN does not count. */
export function quantilesOf(values: readonly number[]): Quantiles | null {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const count = sorted.length;
  if (count === 0) return null;
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] as number;
  return { count, min: at(0), p10: at(0.1), median: at(0.5), p90: at(0.9), max: at(1) };
}
