/** 2^x. */
import {
  atLeast,
  atMost,
  exponent,
  exponentNumber,
  mul,
  multiplyAdd,
  polynomial,
  powerOfTwo,
  sub,
} from './expression.ts';
import type { Precision } from './float-format.ts';
import { elementaryFunction } from './function.ts';

interface Coefficients {
  /** Outside of these, the result is 0 or infinite. */
  readonly range: readonly [low: number, high: number];
  /** (2^r - 1) / r for |r| <= 1/2, fitted for the relative error of 2^r. */
  readonly tail: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    range: [-151, 129],
    tail: [
      0.6931471824645996, 0.24022647738456726, 0.055503323674201965, 0.00961843691766262, 0.0013398875016719103,
      0.0001535336341476068,
    ],
  },
  f64: {
    range: [-1077, 1025],
    tail: [
      Math.LN2,
      0.2402265069591013,
      0.055504108664820084,
      0.00961812910759412,
      0.0013333558146774662,
      0.00015403530457112376,
      1.5252733493094026e-5,
      1.3215435282169883e-6,
      1.0178199584069707e-7,
      7.07378327120392e-9,
      4.4347696489744736e-10,
    ],
  },
};

/** 2^n 2^r for x = n + r. 2^n is a product of two normal numbers: a denormal result is rounded only once. For whole x, r is 0. */
export const exp2 = elementaryFunction((x, precision) => {
  const {
    range: [low, high],
    tail,
  } = coefficients[precision];
  const limited = atLeast(atMost(x, high), low);
  const n = exponentNumber(exponent(limited));
  const half = exponent(n, 0.5);
  const [first, second] = [powerOfTwo(half), powerOfTwo(exponent(sub(n, exponentNumber(half))))];
  const r = sub(limited, n);
  return mul(multiplyAdd(mul(polynomial(r, tail), r), first, first), second);
});
