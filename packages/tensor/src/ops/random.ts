/** Distributions as formulas of random bits, which come from the primitive `random`: `bits()` takes a new site at each call. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import type { DType } from '../kernel/dtype.ts';
import { formatShape } from '../kernel/shape.ts';
import { lt } from './comparison.ts';
import { add, cos, log, mul, sqrt, sub } from './elementwise.ts';
import { constantLike, type Operand } from './operand.ts';

/** Returns 32 random bits for each element, i32. */
export type Bits = () => Node;

/** Uniform in [0, 1): the upper 24 bits, which f32 represents exactly, times 2^-24. */
export function uniform(bits: Bits, dtype: DType): Node {
  const word = bits();
  return mul(graph.cast(graph.binary('shr', word, constantLike(8, word)), dtype), 2 ** -24);
}

/** Standard normal numbers, by Box and Muller (1958): sqrt(-2 log u) cos(2 pi v), with u in (0, 1]. */
export function normal(bits: Bits, dtype: DType): Node {
  const u = sub(1, uniform(bits, dtype));
  const v = uniform(bits, dtype);
  return mul(sqrt(mul(log(u), -2)), cos(mul(v, 2 * Math.PI)));
}

/** Whole numbers from `low` to before `high`, i32. */
export function integers(bits: Bits, low: number, high: number): Node {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low || high - low > 2 ** 31 - 1)
    throw new RangeError(`randint: needs integers low < high, less than 2^31 apart, got ${formatShape([low, high])}`);
  const word = bits();
  const positive = graph.binary('shr', word, constantLike(1, word));
  return add(graph.binary('mod', positive, constantLike(high - low, word)), low);
}

/** True with probability `p`. */
export const bernoulli = (bits: Bits, p: Operand): Node => lt(uniform(bits, 'f32'), p);
