/** exp(x) - 1, accurate near 0. */
import { expMinusOne, expMinusOneTails } from './exp.ts';
import {
  absolute,
  add,
  atLeast,
  atMost,
  exponent,
  exponentNumber,
  type Float,
  less,
  mul,
  multiplyAdd,
  powerOfTwo,
  select,
  sub,
  subtractProduct,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { argument, type ElementaryFunction, elementaryFunction } from './function.ts';

/** Outside of these, the result is -1 or infinite. */
const ranges: Readonly<Record<Precision, readonly [low: number, high: number]>> = { f32: [-18, 89], f64: [-38, 710] };

/** With x = n ln 2 + r: exp(r) - 1, and half of 2^n, which is a normal number even where 2^n is too large. */
function reduce(x: Float, precision: Precision): { readonly rest: Float; readonly halfPower: Float } {
  const [low, high] = ranges[precision];
  const limited = atLeast(atMost(x, high), low);
  const nearest = exponent(sub(limited, Math.LN2), Math.LOG2E);
  const n = add(exponentNumber(nearest), 1);
  const r = floatFormats[precision].ln2.reduce((rest, part) => subtractProduct(n, part, rest), limited);
  return { rest: expMinusOne(r, expMinusOneTails[precision]), halfPower: powerOfTwo(nearest) };
}

/** exp(x) - 1 = 2 (2^(n-1) (exp(r) - 1) + 2^(n-1) - 1/2). */
const combined = (rest: Float, halfPower: Float): Float => mul(multiplyAdd(rest, halfPower, sub(halfPower, 0.5)), 2);

/** Of numbers so small that their squares do not count, the result is the number itself: half of a denormal may not be a number. */
function compute(x: Float, precision: Precision): Float {
  const { rest, halfPower } = reduce(x, precision);
  const tiny = 2 ** -(floatFormats[precision].mantissaBits + 2);
  return select(less(absolute(x), tiny), x, combined(rest, halfPower));
}

/** Compilers make 2^(n-1) (rest + 1) - 1/2 of the sum, which loses all digits of a small rest. Below 0.34, n is 0. */
function computeInShader(x: Float): Float {
  const { rest, halfPower } = reduce(x, 'f32');
  return select(less(absolute(x), 0.34), rest, combined(rest, halfPower));
}

export const expm1: ElementaryFunction = { ...elementaryFunction(compute), shader: computeInShader(argument) };
