/** Orders that draw rows with replacement: an epoch can have a row several times, and others not at all. */
import { CounterRandom, purpose } from '../random.ts';
import { memo } from './memo.ts';
import { checkShuffle, type Order } from './order.ts';
import { isFull, type SourceOptions } from './shuffled.ts';
import { inStreams } from './streams.ts';

/**
 * An order whose rows are drawn with equal chances, each time independently: single rows, or blocks of neighboring rows, which begin at any
 * row and continue at the first one after the last. An epoch has as many positions as there are rows.
 *
 * @throws RangeError for settings that do not fit together
 */
export function resampledOrder(options: SourceOptions): Order {
  const { rows, seed, shuffle } = options;
  checkShuffle(shuffle);
  const draw = (epoch: number, index: number): number =>
    Math.floor(new CounterRandom(seed, purpose.draws, epoch, index).uniform53() * rows);
  const facts = { resampled: 1 };
  if (isFull(options)) return { length: rows, at: draw, repeats: true, locality: null, facts };
  const { streams, block } = shuffle;
  const startOf = memo(4 * streams, draw);
  const sequence = (epoch: number, place: number): number =>
    (startOf(epoch, Math.floor(place / block)) + (place % block)) % rows;
  const order = inStreams({ rows, seed, shuffle, repeats: true, sequence });
  return { ...order, facts: { ...order.facts, ...facts } };
}
