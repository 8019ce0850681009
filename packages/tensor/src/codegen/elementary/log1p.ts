/** log(1 + x), accurate near 0. */
import {
  absolute,
  add,
  atMost,
  biasedExponent,
  exponent,
  type Float,
  less,
  multiplyAdd,
  powerOfTwo,
  select,
  significand,
  split,
  sub,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { argument, type ElementaryFunction, elementaryFunction } from './function.ts';
import { logEverywhere, logOfSplit } from './log.ts';

/**
 * 1 + x = 2^k (1 + f), with k from the rounded sum u = 1 + x, and f = 2^-k x + (2^-k - 1) from x itself: its terms are exact. Where 1 is
 * less than a unit in the last place of x, f comes from u.
 */
function compute(x: Float, precision: Precision): Float {
  const { mantissaBits, exponentBias } = floatFormats[precision];
  const u = add(x, 1);
  const parts = split(u);
  const biased = biasedExponent(parts);
  const power = powerOfTwo(exponent(sub(exponentBias, atMost(biased, exponentBias + mantissaBits + 1))));
  const exact = multiplyAdd(x, power, sub(power, 1));
  const f = select(less(2 ** (mantissaBits + 1), x), sub(significand(parts), 1), exact);
  const logarithm = logEverywhere(u, logOfSplit(f, sub(biased, exponentBias), precision));
  // Of numbers so small that their squares do not count, the result is the number itself, with its sign.
  return select(less(absolute(x), 2 ** -(mantissaBits + 2)), x, logarithm);
}

/** Compilers may make 2^-k (1 + x) - 1 of f. Within (-0.29, 0.41), k is 0, and f is x. */
function computeInShader(x: Float): Float {
  const { exponentBias } = floatFormats.f32;
  const u = add(x, 1);
  const parts = split(u);
  const isNear = less(absolute(add(x, -0.05)), 0.3);
  const f = select(isNear, x, sub(significand(parts), 1));
  const k = select(isNear, 0, sub(biasedExponent(parts), exponentBias));
  return logEverywhere(u, logOfSplit(f, k, 'f32'));
}

export const log1p: ElementaryFunction = { ...elementaryFunction(compute), shader: computeInShader(argument) };
