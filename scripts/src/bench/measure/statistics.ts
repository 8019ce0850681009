/** Medians and ratios of times. */

/** The times of a contestant in ms. */
export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  /** The number of timed runs. */
  readonly runs: number;
}

/** The middle value, or the mean of the two middle values. @throws RangeError without values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new RangeError('median: no values');
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export const summarize = (times: readonly number[]): Timing => ({
  medianMs: median(times),
  minMs: Math.min(...times),
  runs: times.length,
});

/**
 * The ratio of their time to ours: the median over rounds. Both times of a round were measured directly after each other, so a slow phase
 * of the machine affects both. Rounds that only one side has are ignored.
 */
export function pairedRatio(theirs: readonly number[], ours: readonly number[]): number {
  return median(
    ours.flatMap((our, round) => {
      const their = theirs[round];
      return their === undefined ? [] : [their / our];
    }),
  );
}
