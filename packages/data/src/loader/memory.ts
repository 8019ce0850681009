/** The memory that reading takes, from the index of the files: known before anything is read. */
import os from 'node:os';
import type { Split } from '../dataset/split.ts';
import type { Order } from '../order/index.ts';
import { laneKind } from './places.ts';

/** What a loader keeps of its files. */
export interface ReadingPlan {
  /** The blocks whose rows are used at a time, in bytes; null: single rows are read. */
  readonly workingSet: number | null;
  /** The size of the blocks that are kept, at most, in bytes. */
  readonly cacheBytes: number;
  /** The size of the blocks that are read in advance, at most, in bytes. */
  readonly readAheadBytes: number;
  /** The number of positions of the order that are looked ahead. */
  readonly readAheadRows: number;
}

/** The part of the machine's memory that blocks may take. */
const allowedShare = 1 / 4;

export interface ReadingRequest {
  readonly split: Split;
  readonly order: Order;
  /** The number of rows that are used. */
  readonly rows: number;
  readonly readAheadBytes: number;
  readonly workers: number;
  /** The machine's memory in bytes. */
  readonly memory?: number;
}

/** How many blocks are kept so that each is read once, or as many as fit. */
export function planReading({
  split,
  order,
  rows,
  readAheadBytes,
  workers,
  memory = os.totalmem(),
}: ReadingRequest): ReadingPlan {
  const { blocks, bytes, lazy } = split.size;
  if (split.direct || lazy || blocks === 0)
    return { workingSet: null, cacheBytes: 64 * 2 ** 20, readAheadBytes: 0, readAheadRows: 0 };
  const { locality } = order;
  // A window covers so many rows of the files, and ends within a block.
  const windowRows = locality === null ? 0 : (locality.window * split.whole) / rows + split.whole / blocks;
  const share = locality === null ? 1 : Math.min(1, (locality.streams * windowRows) / split.whole);
  // Workers that read the same blocks have a copy each.
  const copies = laneKind(split, order, workers) === 'row' ? Math.max(1, workers) : 1;
  const workingSet = copies * share * bytes;
  const allowed = memory * allowedShare;
  return {
    workingSet,
    // With room for blocks of unequal sizes, and for those that come before others go.
    cacheBytes: Math.min(allowed, 1.25 * workingSet + readAheadBytes + (2 * Math.max(1, workers) * bytes) / blocks),
    readAheadBytes,
    readAheadRows: Math.min(order.length, Math.ceil((readAheadBytes * rows) / bytes)),
  };
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** One line about the memory; null where single rows are read. */
export function describeReading(
  { workingSet, readAheadBytes, cacheBytes }: ReadingPlan,
  { locality }: Order,
): string | null {
  if (workingSet === null) return null;
  const how =
    locality === null
      ? 'rows are used in any order, so that all blocks of the files are kept in memory'
      : `rows are mixed ${locality.window * locality.streams} at a time, in ${locality.streams} streams`;
  const sizes = `${megabytes(workingSet)} of blocks in use, up to ${megabytes(readAheadBytes)} read ahead`;
  if (workingSet <= cacheBytes) return `${how}: ${sizes}`;
  return (
    `${how}: ${sizes}, but only ${megabytes(cacheBytes)} may be kept (a quarter of this machine's memory), so blocks are read several times; ` +
    `set a smaller data.shuffle.streams or data.shuffle.rows, or copy the rows with build-dataset`
  );
}
