/** C's pow: x^y with its special values (C99, annex F.9.4.4). */

import { expMinusOne, exponential, expTails } from './exp.ts';
import {
  absolute,
  add,
  atLeast,
  atMost,
  biasedExponent,
  constant,
  copySign,
  div,
  enlargeDenormal,
  exponent,
  exponentNumber,
  type Float,
  floor,
  highPart,
  isBelowInfinity,
  isZero,
  less,
  mul,
  multiplyAdd,
  nanWhere,
  polynomial,
  powerOfTwo,
  select,
  significand,
  split,
  sub,
  subtractProduct,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { argument, type ElementaryFunction, secondArgument } from './function.ts';
import { logarithm } from './log.ts';

/** A number as the sum of two: the first has half of the bits of the precision, the second is small. */
interface Sum {
  readonly high: Float;
  readonly low: Float;
}

/** 3 atanh(s) / s = 3 + s^2 + s^4 (3/5 + 3/7 s^2 + ...), for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1): as many terms as a sum can tell. */
const atanhTails: Readonly<Record<Precision, readonly number[]>> = {
  f32: Array.from({ length: 4 }, (_, k) => 3 / (2 * k + 5)),
  f64: Array.from({ length: 10 }, (_, k) => 3 / (2 * k + 5)),
};

/** 2/3 as a sum. */
const twoThirds: Readonly<Record<Precision, readonly [high: number, low: number]>> = {
  f32: twoThirdsWith(12),
  f64: twoThirdsWith(26),
};

function twoThirdsWith(bits: number): readonly [high: number, low: number] {
  const high = Math.floor((2 / 3) * 2 ** bits) / 2 ** bits;
  // Both differences are exact.
  return [high, (2 - 3 * high) / 3];
}

/** Outside of these, exp is 0 or infinite. */
const ranges: Readonly<Record<Precision, readonly [low: number, high: number]>> = {
  f32: [-105, 90],
  f64: [-747, 711],
};

/** Exponents beyond this are as good as infinite ones: the smallest logarithm that is not 0 is 2^-53. */
const largestExponent = 2 ** 100;

/** a + b, where b is the smaller one, as a sum whose high part has half of the bits. */
function sumOf(a: Float, b: Float): Sum {
  const high = highPart(add(a, b));
  return { high, low: sub(b, sub(high, a)) };
}

/**
 * The logarithm of a positive number as a sum with more bits than the precision: the scheme of FreeBSD's msun (e_pow.c, Sun 1993). Products of
 * high parts are exact.
 */
function logarithmAsSum(x: Float, precision: Precision): Sum {
  const {
    ln2: [ln2High, ln2Low],
    smallestNormal,
    mantissaBits,
    exponentBias,
  } = floatFormats[precision];
  const isDenormal = less(x, smallestNormal);
  const parts = split(select(isDenormal, enlargeDenormal(x), x));
  const m = significand(parts);
  const k = sub(biasedExponent(parts), select(isDenormal, exponentBias + mantissaBits, exponentBias));
  // s = (m - 1) / (m + 1).
  const f = sub(m, 1);
  const t = add(m, 1);
  const tHigh = highPart(t);
  const tLow = sub(m, sub(tHigh, 1));
  const s = div(f, t);
  const sHigh = highPart(s);
  const sLow = div(subtractProduct(sHigh, tLow, subtractProduct(sHigh, tHigh, f)), t);
  // 3 atanh(s) = s (3 + s^2 + rest).
  const z = mul(s, s);
  const square = mul(sHigh, sHigh);
  const rest = multiplyAdd(polynomial(z, atanhTails[precision]), mul(z, z), mul(sLow, add(sHigh, s)));
  const factor = highPart(add(add(square, 3), rest));
  const factorLow = sub(rest, sub(sub(factor, 3), square));
  const thrice = sumOf(mul(sHigh, factor), multiplyAdd(sLow, factor, mul(factorLow, s)));
  // log(m) = 2 atanh(s).
  const [high, low] = twoThirds[precision];
  const large = mul(thrice.high, high);
  const small = multiplyAdd(thrice.low, high, mul(add(thrice.high, thrice.low), low));
  // log(x) = k ln 2 + log(m).
  const multiple = mul(k, ln2High);
  const total = highPart(add(multiple, add(large, small)));
  return { high: total, low: add(add(sub(multiple, total), large), multiplyAdd(k, ln2Low, small)) };
}

/** x^y for positive x and finite y, and the limits where x is 0 or infinite. */
function magnitudeInParts(x: Float, y: Float, precision: Precision): Float {
  const { high, low } = logarithmAsSum(x, precision);
  const yHigh = highPart(y);
  const yLow = sub(y, yHigh);
  const product = mul(yHigh, high);
  const rest = multiplyAdd(yLow, high, mul(y, low));
  const estimate = mul(y, add(high, low));
  const [least, most] = ranges[precision];
  const nearest = exponent(atLeast(atMost(estimate, most), least), Math.LOG2E);
  const n = exponentNumber(nearest);
  const [ln2High, ln2Low] = floatFormats[precision].ln2;
  const exact = add(subtractProduct(n, ln2High, product), subtractProduct(n, ln2Low, rest));
  // Beyond the range, 2^n alone is 0 or infinite. NaN passes.
  const r = select(less(most, estimate), 0, select(less(estimate, least), 0, exact));
  // In two steps: 2^n itself may not be a normal number, and a denormal result is rounded only once.
  const half = exponent(n, 0.5);
  const power = powerOfTwo(half);
  const otherPower = powerOfTwo(exponent(sub(n, exponentNumber(half))));
  const finite = mul(multiplyAdd(expMinusOne(r, expTails[precision]), power, power), otherPower);
  // Here x may be NaN as well as infinity.
  const ofInfinity = select(less(y, 0), div(1, x), select(less(0, y), x, y));
  const ofZero = select(less(y, 0), Number.POSITIVE_INFINITY, select(less(0, y), 0, y));
  return select(isZero(x), ofZero, select(isBelowInfinity(x), finite, ofInfinity));
}

/** The same with doubles for singles. */
const magnitudeInDoubles = (x: Float, y: Float): Float => exponential(mul(y, logarithm(x, 'f64')), 'f64');

/** x^y from the power of |x|. */
function signed(magnitudeOf: (x: Float, y: Float) => Float): Float {
  const [x, y] = [argument, secondArgument];
  const size = absolute(x);
  const magnitude = magnitudeOf(size, atLeast(atMost(y, largestExponent), -largestExponent));
  const half = mul(y, 0.5);
  // Of a whole exponent: large ones are even.
  const ofWhole = select(less(floor(half), half), mul(magnitude, -1), magnitude);
  // -0 and -infinity have all powers.
  const ofFraction = select(isZero(size), magnitude, nanWhere(isBelowInfinity(size), magnitude));
  // -0 counts too.
  const isNegative = less(copySign(constant(1), x), 0);
  const power = select(isNegative, select(less(floor(y), y), ofFraction, ofWhole), magnitude);
  return select(isZero(y), 1, select(isZero(sub(x, 1)), 1, power));
}

export const pow: ElementaryFunction = {
  f32: signed((x, y) => magnitudeInParts(x, y, 'f32')),
  f64: signed((x, y) => magnitudeInParts(x, y, 'f64')),
  f32InDoubles: signed(magnitudeInDoubles),
};
