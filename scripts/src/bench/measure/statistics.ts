/** Times of one contestant, in milliseconds. */
export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  /** How many runs were timed. */
  readonly runs: number;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median: no values');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export const summarize = (times: readonly number[]): Timing => ({
  medianMs: median(times),
  minMs: Math.min(...times),
  runs: times.length,
});

/**
 * How many times as long the others took: the median over rounds of theirs / ours. Both sides of a round were timed one right after
 * the other, so what slows the machine for a while slows both. Rounds that only one side has are left out.
 */
export function pairedRatio(theirs: readonly number[], ours: readonly number[]): number {
  const rounds = Math.min(theirs.length, ours.length);
  return median(Array.from({ length: rounds }, (_, round) => (theirs[round] as number) / (ours[round] as number)));
}
