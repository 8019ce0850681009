/** Orders with every row once in an epoch: a permutation of all rows, or of stretches of them that are mixed in streams. */
import { CounterRandom, purpose } from '../random.ts';
import { bijection, isTable } from './bijection.ts';
import { memo } from './memo.ts';
import { checkShuffle, type Order, type ShuffleOptions } from './order.ts';
import { inStreams } from './streams.ts';

export interface SourceOptions {
  readonly rows: number;
  readonly seed: number;
  readonly shuffle: ShuffleOptions;
  /** Whether single rows can be read at no more cost than neighboring ones. */
  readonly direct: boolean;
}

/** Whether all rows are shuffled as a whole. */
export const isFull = ({ rows, shuffle, direct }: Omit<SourceOptions, 'seed'>): boolean =>
  rows <= shuffle.rows || (shuffle.full ?? direct);

/** An order that has each row once in every epoch. @throws RangeError for settings that do not fit together */
export function shuffledOrder(options: SourceOptions): Order {
  const { rows, seed, shuffle } = options;
  checkShuffle(shuffle);
  if (isFull(options)) return permuted(rows, seed);
  return inStreams({ rows, seed, shuffle, repeats: false, sequence: permutedBlocks(rows, seed, shuffle.block) });
}

/** Up to 65,536 rows this is `permutation` of each epoch. */
function permuted(rows: number, seed: number): Order {
  const permutationOf = memo(2, (epoch) => bijection(rows, new CounterRandom(seed, purpose.order, epoch)));
  return {
    length: rows,
    at: (epoch, position) => permutationOf(epoch, 0)(position),
    repeats: false,
    locality: null,
    facts: isTable(rows) ? {} : { feistel: 1 },
  };
}

/**
 * The rows by blocks in random order: a function of epoch and place in the sequence. The last block may be shorter and stays last, but the
 * sequence begins at a random place and goes on from its end to its start, so that no row is always among the last.
 */
function permutedBlocks(rows: number, seed: number, block: number): (epoch: number, place: number) => number {
  const full = Math.floor(rows / block);
  const epochOf = memo(2, (epoch) => ({
    blocks: bijection(full, new CounterRandom(seed, purpose.blocks, epoch)),
    start: Math.floor(new CounterRandom(seed, purpose.rotation, epoch).uniform53() * rows),
  }));
  return (epoch, place) => {
    const { blocks, start } = epochOf(epoch, 0);
    const at = (start + place) % rows;
    const k = Math.floor(at / block);
    return k < full ? blocks(k) * block + (at % block) : at;
  };
}
