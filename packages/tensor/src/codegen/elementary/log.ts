/** The natural logarithm. */
import {
  add,
  biasedExponent,
  div,
  enlargeDenormal,
  type Float,
  isBelowInfinity,
  isZero,
  less,
  mul,
  multiplyAdd,
  nanWhere,
  polynomial,
  select,
  significand,
  split,
  sub,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { elementaryFunction } from './function.ts';

/** (2 atanh(s) - 2s) / s^3 as a polynomial in s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1). */
const tails: Readonly<Record<Precision, readonly number[]>> = {
  f32: [0.6666678190231323, 0.3997707962989807, 0.298851877450943],
  f64: [
    0.6666666666666713, 0.3999999999949005, 0.285714287374266, 0.22222198137071764, 0.18183625844773946,
    0.1531168071578947, 0.1482610778449771,
  ],
};

/** A positive number, also a denormal one, as 2^k (1 + f) with f in [sqrt(1/2) - 1, sqrt(2) - 1). */
export function splitPositive(x: Float, precision: Precision): { readonly f: Float; readonly k: Float } {
  const { smallestNormal, mantissaBits, exponentBias } = floatFormats[precision];
  const isDenormal = less(x, smallestNormal);
  const parts = split(select(isDenormal, enlargeDenormal(x), x));
  const f = sub(significand(parts), 1);
  const k = sub(biasedExponent(parts), select(isDenormal, exponentBias + mantissaBits, exponentBias));
  return { f, k };
}

/**
 * log(1 + f) = 2 atanh(s) with s = f / (2 + f), arranged as f - (f^2/2 - s (f^2/2 + R)) so that the leading term is exact: the scheme of
 * FreeBSD's msun (e_log.c, Sun 1993). `bracket` is f^2/2 + R.
 */
export function logTail(
  f: Float,
  precision: Precision,
): { readonly s: Float; readonly halfSquare: Float; readonly bracket: Float } {
  const s = div(f, add(f, 2));
  const z = mul(s, s);
  const halfSquare = mul(mul(f, f), 0.5);
  return { s, halfSquare, bracket: multiplyAdd(polynomial(z, tails[precision]), z, halfSquare) };
}

/** k ln 2 + log(1 + f). */
export function logOfSplit(f: Float, k: Float, precision: Precision): Float {
  const [ln2High, ln2Low] = floatFormats[precision].ln2;
  const { s, halfSquare, bracket } = logTail(f, precision);
  const low = multiplyAdd(bracket, s, mul(k, ln2Low));
  // The product is exact.
  return multiplyAdd(k, ln2High, sub(f, sub(halfSquare, low)));
}

/** A logarithm of x from its value for finite positive x: infinity and NaN are their own logarithms. */
export function logEverywhere(x: Float, finite: Float): Float {
  const orNaN = nanWhere(less(x, 0), select(isBelowInfinity(x), finite, x));
  return select(isZero(x), Number.NEGATIVE_INFINITY, orNaN);
}

/** log(x) = k ln 2 + log(1 + f). */
export function logarithm(x: Float, precision: Precision): Float {
  const { f, k } = splitPositive(x, precision);
  return logEverywhere(x, logOfSplit(f, k, precision));
}

export const log = elementaryFunction(logarithm);
