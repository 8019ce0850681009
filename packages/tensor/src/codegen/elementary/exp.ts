/** exp(x), and the reduction of its argument that other functions share. */
import {
  atLeast,
  atMost,
  exponent,
  exponentNumber,
  type Float,
  mul,
  multiplyAdd,
  polynomial,
  powerOfTwo,
  subtractProduct,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { elementaryFunction } from './function.ts';

interface Coefficients {
  /** Outside of these, exp is 0 or infinite. */
  readonly range: readonly [low: number, high: number];
  /** (exp(r) - 1 - r) / r^2 for |r| <= ln 2. */
  readonly tail: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    range: [-104, 89],
    tail: [
      0.5, 0.16666673123836517, 0.04166652634739876, 0.008332528173923492, 0.0013893701834604144, 0.000201097980607301,
      2.4440187189611606e-5,
    ],
  },
  f64: {
    range: [-746, 710],
    tail: [
      0.5, 0.16666666666666652, 0.04166666666666726, 0.008333333333337837, 0.001388888888880464, 0.00019841269835887946,
      2.4801587354485725e-5, 2.7557322289635446e-6, 2.7557302989242e-7, 2.50512063105153e-8, 2.087905197768326e-9,
      1.6191394033654511e-10, 1.137826902024573e-11,
    ],
  },
};

/** (exp(r) - 1 - r) / r^2 for |r| <= ln 2, lowest power first. */
export const expTails: Readonly<Record<Precision, readonly number[]>> = {
  f32: coefficients.f32.tail,
  f64: coefficients.f64.tail,
};

/** (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, fitted for the relative error of exp(r) - 1. */
export const expMinusOneTails: Readonly<Record<Precision, readonly number[]>> = {
  f32: [0.4999999701976776, 0.16666573286056519, 0.04166903346776962, 0.008361819200217724, 0.0013665106380358338],
  f64: [
    0.5, 0.16666666666666677, 0.04166666666666651, 0.0083333333333217, 0.0013888888888962327, 0.00019841269885939765,
    2.4801587172593904e-5, 2.755724440345525e-6, 2.755740262488035e-7, 2.5108967742572592e-8, 2.0875326287436413e-9,
  ],
};

/** x = n * step * ln 2 + r: r and 2^n. `ln2` is passed in parts. */
export function reduceByLn2(x: Float, step: number, ln2: readonly number[]): { r: Float; power: Float } {
  const nearest = exponent(x, Math.LOG2E / step);
  const n = exponentNumber(nearest);
  const power = powerOfTwo(nearest);
  return { r: ln2.reduce((rest, part) => subtractProduct(n, step * part, rest), x), power };
}

/** exp(r) - 1 = r + r^2 tail(r). */
export const expMinusOne = (r: Float, tail: readonly number[]): Float => multiplyAdd(polynomial(r, tail), mul(r, r), r);

/**
 * exp(x) = 2^n * 2^n * exp(x - 2n ln 2): 2^n is a normal number for every x whose result is neither 0 nor infinite, and a denormal result
 * is rounded only once, by the last product.
 */
export function exponential(x: Float, precision: Precision): Float {
  const {
    range: [low, high],
    tail,
  } = coefficients[precision];
  const limited = atLeast(atMost(x, high), low);
  const { r, power } = reduceByLn2(limited, 2, floatFormats[precision].ln2);
  return mul(multiplyAdd(expMinusOne(r, tail), power, power), power);
}

export const exp = elementaryFunction(exponential);
