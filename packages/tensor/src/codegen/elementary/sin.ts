/** Sine and cosine, and those of an argument that was already reduced. */
import {
  atLeast,
  atMost,
  type Float,
  isOdd,
  mul,
  multiplyAdd,
  negateInSecondHalf,
  nextQuadrant,
  polynomial,
  type Quadrant,
  quadrant,
  quadrantNumber,
  select,
  subtractProduct,
} from './expression.ts';
import type { Precision } from './float-format.ts';
import { argument, type ElementaryFunction } from './function.ts';

interface Coefficients {
  /** (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4 as polynomials in r^2, for |r| <= pi/4. */
  readonly sine: readonly number[];
  readonly cosine: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    sine: [-0.16666666641527, 0.008333329374134986, -0.00019839331000613868, 2.7182745032653024e-6],
    cosine: [0.04166666664785987, -0.001388888553747608, 2.4799908328873977e-5, -2.72368490905725e-7],
  },
  f64: {
    sine: [
      -0.1666666666666664, 0.008333333333323624, -0.00019841269830108826, 2.755731363850439e-6, -2.5050732379646726e-8,
      1.589457978152985e-10,
    ],
    cosine: [
      0.04166666666666665, -0.0013888888888882816, 2.480158729460575e-5, -2.7557315730261363e-7, 2.087589636756931e-9,
      -1.1367900041939653e-11,
    ],
  },
};

/** pi / 2 in parts: multiples of all but the last by integers of up to 20 bits are exact. */
const halfPiInDoubles = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21];
/** By integers of up to 13 bits. */
const halfPiInSingles = [1.5703125, 4.837512969970703e-4, 7.549789954891882e-8];
/** By integers of up to 16 bits. */
const halfPiInBytes = [
  1.5703125, 4.825592041015625e-4, 1.2665987014770508e-6, 9.89530235528946e-10, 2.5633440682570896e-12,
];

/** x = k pi/2 + r. */
function reduceByHalfPi(x: Float, halfPi: readonly number[]): { r: Float; k: Quadrant } {
  const k = quadrant(x, 2 / Math.PI);
  const number = quadrantNumber(k);
  return { r: halfPi.reduce((rest, part) => subtractProduct(number, part, rest), x), k };
}

/** sin(k pi/2 + r): the two low bits of k choose sin or cos of r, and the sign. The polynomials are those of `precision`. */
export function sineOfReduced(r: Float, k: Quadrant, precision: Precision): Float {
  const { sine, cosine } = coefficients[precision];
  const z = mul(r, r);
  const sinR = multiplyAdd(polynomial(z, sine), mul(z, r), r);
  const cosR = multiplyAdd(polynomial(z, cosine), mul(z, z), subtractProduct(z, 0.5, 1));
  return negateInSecondHalf(k, select(isOdd(k), cosR, sinR));
}

/** cos(k pi/2 + r), which is the sine of the next quadrant. */
export const cosineOfReduced = (r: Float, k: Quadrant, precision: Precision): Float =>
  sineOfReduced(r, nextQuadrant(k), precision);

type OfReduced = typeof sineOfReduced;

/** Where k has too many bits, r is no longer small: the result is inexact, but stays within the range of a sine. */
function reduced(ofReduced: OfReduced, halfPi: readonly number[], precision: Precision): Float {
  const { r, k } = reduceByHalfPi(argument, halfPi);
  return atLeast(atMost(ofReduced(r, k, precision), 1), -1);
}

/** In double precision for |x| up to 10^6, and with fused products and sums up to 10^15; in single precision up to 10^5. */
const periodic = (ofReduced: OfReduced): ElementaryFunction => ({
  f64: reduced(ofReduced, halfPiInDoubles, 'f64'),
  f32: reduced(ofReduced, halfPiInBytes, 'f32'),
  f32InDoubles: reduced(ofReduced, halfPiInDoubles, 'f32'),
});

export const sin = periodic(sineOfReduced);
export const cos = periodic(cosineOfReduced);

/** The reduction in single precision of |x| below 8192, for devices that reduce larger arguments in another way. */
export const reducedInSingles = reduceByHalfPi(argument, halfPiInSingles);
