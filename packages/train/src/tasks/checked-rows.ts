/** Which rows of a split have their captions read before training: all, or of large splits evenly spread ones. */
import type { RowRange, Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';

/** Splits of more rows are not read as a whole before training. Masks are images, which take longer to read. */
const mostChecked = { texts: 1_000_000, masks: 100_000 } as const;

/** The rows of larger splits that are read, and the number of places they are from, each of which is a request to another machine. */
const [sampledRows, sampledPlaces] = [100_000, 100];

/** The settings that decide it. */
export type CheckSettings = Pick<RunConfig['data'], 'checkRows' | 'strict'>;

/** Rows of a split that stand for all of them. */
export interface CheckedRows {
  readonly ranges: readonly RowRange[];
  /** Whether they are all rows. */
  readonly complete: boolean;
}

/** The rows of a split whose captions and labels are read before training. With `strict` all are, because one that cannot be used is an error. */
export function checkedRows(
  split: Split,
  { checkRows, strict }: CheckSettings,
  kind: keyof typeof mostChecked = 'texts',
): CheckedRows {
  const complete = strict || checkRows === 'all' || split.length <= mostChecked[kind];
  return { ranges: complete ? [{ from: 0, to: split.length }] : split.spread(sampledRows, sampledPlaces), complete };
}
