/** The rows of batches: which ones, what their random numbers depend on, and which worker reads them. */
import type { Split } from '../dataset/split.ts';
import type { Order } from '../order/index.ts';

/** Rows of a batch. */
export interface BatchRows {
  readonly rows: Uint32Array;
  /** What distinguishes the random numbers of each row from those of the others in its epoch. */
  readonly streams: Uint32Array;
  /** Rows of one lane are read by the same worker, whatever the number of workers is. */
  readonly lanes: Uint32Array;
}

/** The share of one process: every `count`-th position of the order, starting at `index`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export interface PlacesOptions {
  readonly split: Split;
  readonly order: Order;
  /** The rows that the order numbers; null: those of the split. */
  readonly rows: ArrayLike<number> | null;
  readonly shard: Shard;
  readonly workers: number;
}

/** Returns the rows at the places `from` to `to`, without `to`, of one shard of an epoch. */
export function batchPlaces({ split, order, rows, shard, workers }: PlacesOptions) {
  const lane = laneOf(split, order, shard, workers);
  return (epoch: number, from: number, to: number): BatchRows => {
    const length = Math.max(0, to - from);
    const found = { rows: new Uint32Array(length), streams: new Uint32Array(length), lanes: new Uint32Array(length) };
    for (let i = 0; i < length; i++) {
      const position = (from + i) * shard.count + shard.index;
      const place = order.at(epoch, position);
      const row = rows === null ? place : (rows[place] as number);
      found.rows[i] = row;
      // Where an epoch can have a row several times, it is augmented differently each time.
      found.streams[i] = order.repeats ? position : row;
      found.lanes[i] = lane(epoch, position, row);
    }
    return found;
  };
}

/** What decides which worker reads a row. */
export type LaneKind = 'row' | 'block' | 'stream';

/** So many blocks for each worker are divided about equally. */
const blocksPerWorker = 8;

/**
 * By its stream: each block is read by one worker, and all workers have equal shares. By its block. Or by its number: each worker keeps its
 * own share of the decoded images, but several may read the same block.
 */
export function laneKind(split: Split, { locality }: Order, workers: number): LaneKind {
  if (split.direct || locality?.streams === 1) return 'row';
  if (locality !== null) return 'stream';
  return split.size.blocks >= blocksPerWorker * workers ? 'block' : 'row';
}

type Lane = (epoch: number, position: number, row: number) => number;

function laneOf(split: Split, order: Order, { count }: Shard, workers: number): Lane {
  const streams = order.locality?.streams ?? 1;
  // A shard has every count-th stream: they are numbered without gaps.
  const gap = streams % count === 0 ? count : 1;
  const lanes: Record<LaneKind, Lane> = {
    row: (_epoch, _position, row) => row,
    block: (_epoch, _position, row) => split.blockOf(row),
    stream: (epoch, position) => Math.floor((order.locality?.streamOf(epoch, position) ?? 0) / gap),
  };
  return lanes[laneKind(split, order, workers)];
}
