/** Orders in which rows are drawn with replacement, with given weights. */
import { CounterRandom, purpose } from '../random.ts';
import type { Order } from './order.ts';

/**
 * The order that draws its rows with replacement, row i with a probability of weights[i] / the sum of all weights: PyTorch's
 * `WeightedRandomSampler` with replacement. The row at a position depends only on (seed, epoch, position) and the weights, of which it
 * keeps one number for each row.
 *
 * @param weights not negative; at least one above 0
 * @returns as many positions as there are weights
 * @throws RangeError for weights that are negative, not finite, or all 0
 */
export function weightedOrder(weights: ArrayLike<number>, seed: number): Order {
  const cumulative = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new RangeError(`data loader: weight ${i} is ${weight}; expected a finite number of at least 0`);
    total += weight;
    cumulative[i] = total;
  }
  if (total === 0) throw new RangeError('data loader: all weights are 0, so there is no row to draw');
  return {
    length: weights.length,
    at(epoch, position) {
      // 53 random bits, because 32 would not reach every row of a large split.
      const uniform = new CounterRandom(seed, purpose.sampling, epoch, position).uniform53();
      return firstAbove(cumulative, uniform * total);
    },
    repeats: true,
    locality: null,
    facts: { balancedSampling: 1 },
  };
}

/** The first place whose cumulative weight is above a value below the total. */
function firstAbove(cumulative: Float64Array, value: number): number {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((cumulative[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The class of rows without one. */
export const noClass = -1;

/**
 * The weights with which every class has the same chance: one over the number of rows of the row's class. Of several classes the rarest
 * counts; rows without a class are a class of their own.
 *
 * @param classes of each row: a number, or different numbers
 */
export function balancedRowWeights(classes: readonly (number | readonly number[])[]): Float64Array {
  const counts = new Map<number, number>();
  const add = (c: number): unknown => counts.set(c, (counts.get(c) ?? 0) + 1);
  const several = (own: readonly number[]): readonly number[] => (own.length > 0 ? own : [noClass]);
  for (const own of classes) typeof own === 'number' ? add(own) : several(own).forEach(add);
  const weight = (c: number): number => 1 / (counts.get(c) as number);
  return Float64Array.from(classes, (own) =>
    typeof own === 'number' ? weight(own) : Math.max(...several(own).map(weight)),
  );
}
