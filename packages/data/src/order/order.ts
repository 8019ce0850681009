/** The order in which an epoch uses rows, as a function of (epoch, position). */

/**
 * The order of the rows of each epoch. It depends only on the number of rows, the seed and settings, not on files, batches, workers or
 * processes, and it needs no memory for each row. Numbers up to 2^53.
 */
export interface Order {
  /** The number of positions of an epoch. */
  readonly length: number;
  /**
   * The row at a position.
   * @param position from 0 to `length` - 1
   */
  at(epoch: number, position: number): number;
  /** Whether an epoch can have a row several times. */
  readonly repeats: boolean;
  /** Where neighboring rows are used; null: an epoch uses rows from anywhere at any time. */
  readonly locality: Locality | null;
  /**
   * The settings that rows depend on besides their number and the seed: two orders of as many rows, with the same seed and facts, are the
   * same. Empty for `permutation`.
   */
  readonly facts: Readonly<Record<string, number>>;
}

/** An order that reads rows in several streams, each of which uses a stretch of neighboring rows at a time. */
export interface Locality {
  readonly streams: number;
  /** The number of neighboring rows that a stream mixes. */
  readonly window: number;
  /** The stream of a position: positions that are a multiple of `streams` apart have the same. */
  streamOf(epoch: number, position: number): number;
}

/** How rows are shuffled. */
export interface ShuffleOptions {
  /** The number of rows that are mixed at a time, over all streams. Up to so many rows are shuffled as a whole. Default 32,768. */
  readonly rows: number;
  /**
   * The number of streams that a shuffle in parts reads from: places in the files that an epoch is at, at the same time. A power of two is
   * divisible by most numbers of processes. Default 32.
   */
  readonly streams: number;
  /** The number of neighboring rows that stay together in a shuffle in parts, in file order until a stream mixes them. Default 4,096. */
  readonly block: number;
  /** Whether all rows are shuffled as a whole. Null: if that reads no more of the files. Default null. */
  readonly full: boolean | null;
}

export const shuffleDefaults: ShuffleOptions = { rows: 32_768, streams: 32, block: 4096, full: null };

/** @throws RangeError for settings that do not fit together */
export function checkShuffle({ rows, streams, block }: ShuffleOptions): void {
  for (const [name, value] of Object.entries({ rows, streams, block }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`data.shuffle.${name} is ${value}; expected a whole number of at least 1`);
  if (rows < streams)
    throw new RangeError(
      `data.shuffle.rows is ${rows}, which is less than one row for each of the ${streams} streams: set a larger number, or data.shuffle.streams`,
    );
}

/** Rows in their own order. */
export const sequentialOrder = (rows: number): Order => ({
  length: rows,
  at: (_, position) => position,
  repeats: false,
  // One stream, whose rows are used as they come.
  locality: { streams: 1, window: 1, streamOf: () => 0 },
  facts: { sequential: 1 },
});
