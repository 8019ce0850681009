/** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
import {
  absolute,
  atMost,
  copySign,
  exponent,
  exponentNumber,
  type Float,
  less,
  type Mask,
  mul,
  multiplyAdd,
  polynomial,
  powerOfTwo,
  select,
  sub,
  subtractProduct,
} from './expression.ts';
import type { Precision } from './float-format.ts';
import { elementaryFunction } from './function.ts';

interface Coefficients {
  /** erf(x) / x - 1 as a polynomial in x^2, for |x| <= 1. */
  readonly small: readonly number[];
  /** -ln(1 - erf(x)) for 1 <= x <= limit, fitted for the relative error of erf. */
  readonly large: readonly number[];
  /** From here on, erf is 1. */
  readonly limit: number;
  /** 2^r for |r| <= 1/2. */
  readonly exp2: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    small: [
      0.12837916612625122, -0.3761262595653534, 0.1128358542919159, -0.026853812858462334, 0.005188327748328447,
      -0.0008010194287635386, 7.853862916817889e-5,
    ],
    large: [
      0.00034152393345721066, 1.1270891427993774, 0.638144850730896, 0.10310675203800201, -0.02183806151151657,
      0.0029476576019078493, -0.0001863791112555191,
    ],
    limit: 4,
    exp2: [1, 0.6931471228599548, 0.2402227818965912, 0.05550618469715118, 0.009668541140854359, 0.0013266856549307704],
  },
  f64: {
    small: [
      0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072896, 0.005223977624780864,
      -0.0008548326978742063, 0.00012055331036894576, -1.4925593506769312e-5, 1.6460972815068243e-6,
      -1.6350025201711347e-7, 1.465787970053758e-8, -1.136566541350748e-9, 5.945260824210891e-11,
    ],
    large: [
      1.79601374018872e-7, 1.1283773294497808, 0.6366284880671148, 0.10274725452546268, -0.01907815962526908,
      -0.0002804832046329004, 0.0017689948967140588, -0.0006411678761845398, 4.4819269495383114e-5, 7.03682975725147e-5,
      -4.503805672433334e-5, 1.6514162498815447e-5, -4.327102594662024e-6, 8.505878121527784e-7, -1.2570738227379343e-7,
      1.3627029605890785e-8, -1.0257310257195556e-9, 4.796208071079368e-11, -1.0496654299446216e-12,
    ],
    limit: 6,
    exp2: [
      1,
      Math.LN2,
      0.2402265069591013,
      0.055504108664820084,
      0.009618129107594122,
      0.0013333558146774586,
      0.00015403530457110451,
      1.5252733493130577e-5,
      1.3215435282994068e-6,
      1.0178199577769851e-7,
      7.073783150994517e-9,
      4.434769673821237e-10,
    ],
  },
};

/** What erf is composed of: its value for |x| < 1, and for larger |x| log2(1 - erf |x|). */
export function erfParts(
  x: Float,
  precision: Precision,
): { readonly isNear: Mask; readonly near: Float; readonly logOfRest: Float } {
  const { small, large, limit } = coefficients[precision];
  const magnitude = atMost(absolute(x), limit);
  const square = mul(magnitude, magnitude);
  const near = multiplyAdd(polynomial(square, small), x, x);
  const minusQ = large.map((c) => -Math.LOG2E * c);
  return { isNear: less(magnitude, 1), near, logOfRest: polynomial(magnitude, minusQ, square) };
}

/** x + x P(x^2) up to 1, then 1 - 2^-Q(|x|): with powers of 2, the reduction of the exponent is exact and takes no products. */
export const erf = elementaryFunction((x, precision) => {
  const { isNear, near, logOfRest } = erfParts(x, precision);
  const nearest = exponent(logOfRest);
  const n = exponentNumber(nearest);
  const power = powerOfTwo(nearest);
  const r = sub(logOfRest, n);
  const positive = subtractProduct(polynomial(r, coefficients[precision].exp2), power, 1);
  return select(isNear, near, copySign(positive, x));
});
