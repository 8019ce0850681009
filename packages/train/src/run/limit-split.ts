/** The part of the training split that a run uses: `data.filter`, `data.limitTrain`. */
import { createOrder, filterSplit, type Split, usualColumns } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';

/** The number of rows that a limit leaves of `rows`. @throws RangeError where a share is less than one row */
export function limitedCount(rows: number, limit: number): number {
  if (limit >= 1) return Math.min(rows, limit);
  const count = Math.floor(rows * limit);
  if (count === 0)
    throw new RangeError(`data.limitTrain is ${limit}, which is less than one row of ${rows}: use a larger share`);
  return count;
}

/** The number of neighboring rows that are chosen together in files that are read in blocks, so that fewer blocks are read. */
const together = 256;

/**
 * `count` of the rows 0 ... length - 1, in ascending order: always the same ones, chosen at random, each class at its share. Fewer rows
 * are a part of more rows.
 *
 * @param classOf the class of a row; missing: rows have no classes
 */
export function chooseRows(length: number, count: number, classOf?: (row: number) => unknown): Uint32Array {
  const mixed = createOrder(length, { direct: true });
  if (classOf === undefined) return Uint32Array.from({ length: count }, (_, place) => mixed.at(0, place)).sort();
  // A row's place within its class, as a share: rows below any share are that share of every class.
  const totals = new Map<unknown, number>();
  const ranks = Uint32Array.from({ length }, (_, place) => {
    const own = classOf(mixed.at(0, place));
    const rank = totals.get(own) ?? 0;
    totals.set(own, rank + 1);
    return rank;
  });
  const shares = Float64Array.from(
    ranks,
    (rank, place) => (rank + 0.5) / (totals.get(classOf(mixed.at(0, place))) as number),
  );
  const largest = shares.slice().sort()[count - 1] as number;
  const below = shares.reduce((sum, share) => sum + (share < largest ? 1 : 0), 0);
  let equal = count - below;
  const chosen = new Uint32Array(count);
  let at = 0;
  for (let place = 0; place < length; place++) {
    const share = shares[place] as number;
    if (share < largest || (share === largest && equal-- > 0)) chosen[at++] = mixed.at(0, place);
  }
  return chosen.sort();
}

/** As `chooseRows`, in groups of neighboring rows. */
export function chooseGroups(length: number, count: number): Uint32Array {
  const groups = createOrder(Math.ceil(length / together), { direct: true });
  const chosen = new Uint32Array(count);
  for (let k = 0, at = 0; at < count; k++) {
    const first = groups.at(0, k) * together;
    for (let row = first; row < Math.min(length, first + together) && at < count; row++) chosen[at++] = row;
  }
  return chosen.sort();
}

/** A split with the rows that `data.filter`, and then `data.limitTrain`, leave of it. @throws where there are none */
export async function limitSplit(
  all: Split,
  { filter, limitTrain, columns, shuffle }: RunConfig['data'],
): Promise<Split> {
  const split = filter === null ? all : await filterSplit(all, filter);
  if (limitTrain === null) return split;
  const count = limitedCount(split.length, limitTrain);
  const names = [columns.label, ...usualColumns.label.names].filter((name) => typeof name === 'string');
  const column = names.find((name) => split.features[name]?.type === 'class');
  if (column === undefined) {
    const single = split.direct || split.length <= shuffle.rows;
    return split.select((single ? chooseRows : chooseGroups)(split.length, count));
  }
  const classes = await split.column(column);
  return split.select(chooseRows(split.length, count, (row) => classes[row]));
}

/** How many rows of a split are used, in words. */
export const describeRows = ({ length, whole }: Split): string =>
  length === whole ? `${length} rows` : `${length} of ${whole} rows`;
