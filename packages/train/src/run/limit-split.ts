/** The part of the training split that a run uses: `data.filter`, `data.limitTrain`. */
import { createOrder, filterSplit, permutation, type Split, usualColumns } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';

/** The number of rows that a limit leaves of `rows`. @throws RangeError where a share is less than one row */
export function limitedCount(rows: number, limit: number): number {
  if (limit >= 1) return Math.min(rows, limit);
  const count = Math.floor(rows * limit);
  if (count === 0)
    throw new RangeError(`data.limitTrain is ${limit}, which is less than one row of ${rows}: use a larger share`);
  return count;
}

/** Rows are chosen from an array of all numbers up to this length. */
const longestArray = 2 ** 24;

/** The number of neighboring rows that are chosen together in files that are read in blocks, so that fewer blocks are read. */
const together = 256;

/**
 * `count` of the rows 0 ... length - 1, in ascending order: always the same ones, chosen at random, each class at its share. Fewer rows
 * are a part of more rows.
 *
 * @param classOf the class of a row; missing: rows have no classes
 */
export function chooseRows(length: number, count: number, classOf?: (row: number) => unknown): Uint32Array {
  if (classOf === undefined && length > longestArray) {
    const order = createOrder(length, { direct: true });
    return Uint32Array.from({ length: count }, (_, place) => order.at(0, place)).sort();
  }
  const mixed = permutation(length, 0, 0);
  if (classOf === undefined) return mixed.subarray(0, count).sort();
  /** The rows of each class so far. */
  const seen = new Map<unknown, number>();
  // A row's place within its class, as a share: rows below any share are that share of every class.
  const places = Float64Array.from(mixed, (row) => {
    const own = classOf(row);
    const rank = seen.get(own) ?? 0;
    seen.set(own, rank + 1);
    return rank + 0.5;
  });
  for (const [k, row] of mixed.entries()) places[k] = (places[k] ?? 0) / (seen.get(classOf(row)) ?? 1);
  const place = (k: number): number => places[k] ?? 0;
  const order = Uint32Array.from(mixed.keys()).sort((a, b) => place(a) - place(b) || a - b);
  return order
    .subarray(0, count)
    .map((k) => mixed[k] ?? 0)
    .sort();
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

/** Rows without a class are a class of their own, whose number no label has. */
const withoutClass = -(2 ** 31);

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
  const classes = new Int32Array(split.length);
  for await (const { from, count: rows, value } of split.scan([column]))
    for (let k = 0; k < rows; k++) {
      const own = value(0, k);
      classes[from + k] = typeof own === 'number' ? own : withoutClass;
    }
  return split.select(chooseRows(split.length, count, (row) => classes[row]));
}

/** How many rows of a split are used, in words. */
export const describeRows = ({ length, whole }: Split): string =>
  length === whole ? `${length} rows` : `${length} of ${whole} rows`;
