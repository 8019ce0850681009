/** The complementary error function, 1 - erf(x), with its own digits where erf is near 1. */
import { erfParts } from './erf.ts';
import { expMinusOne, expTails, reduceByLn2 } from './exp.ts';
import {
  absolute,
  add,
  atMost,
  div,
  type Float,
  less,
  mul,
  multiplyAdd,
  polynomial,
  quadrant,
  quadrantNumber,
  select,
  sub,
  subtractProduct,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { argument, type ElementaryFunction, elementaryFunction } from './function.ts';

interface Coefficients {
  /** From here on, erfc is 0. */
  readonly limit: number;
  /** Numbers are split at multiples of its inverse: their squares are exact, and exp of the rest is in the range of a polynomial. */
  readonly parts: number;
  /** Where q = (x - center) / (x + center) is 0. */
  readonly center: number;
  /** (1 + 2x) exp(x^2) erfc(x) as a polynomial in q, for 1/2 <= x <= limit. */
  readonly scaled: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    limit: 10.5,
    parts: 64,
    center: 2,
    scaled: [
      1.2769783735275269, -0.0927637591958046, -0.16603082418441772, 0.1640484780073166, -0.0542113296687603,
      -0.008003083989024162, 0.008659768849611282, 0.0011371681466698647, -0.0012667778646573424,
      -0.00021434556401800364,
    ],
  },
  f64: {
    limit: 27.5,
    parts: 256,
    center: 4,
    scaled: [
      1.2329951186255526, -0.1396211168405625, 0.015379652102619868, 0.06809705425468884, -0.10103906603631191,
      0.09373283499851809, -0.06633036581203686, 0.037167515534094024, -0.016197734060046005, 0.005031970015541271,
      -0.000757773272181484, -0.00019925694722019145, 0.0001506216022861694, -2.439812679221162e-5,
      -1.1221828001585147e-5, 5.706660739994508e-6, 2.934821644555381e-7, -8.197514374405034e-7, 7.492571291067984e-8,
      1.0345533933923875e-7, -1.8036640432733058e-8, -9.721757656572872e-9, 1.848331997525939e-9,
    ],
  },
};

/**
 * Up to 1/2 as 1 - erf(x), then exp(-x^2) P(q) / (1 + 2x). With x = h + d, where h has few bits, x^2 is h^2 + d (x + h), of which the first
 * term is exact: the rounding of the whole square would be multiplied by it. Below 0, erfc(x) = 2 - erfc(-x).
 * `format` is that of the arithmetic, `precision` that of the polynomials.
 */
function compute(x: Float, format: Precision, precision = format): Float {
  const { limit, parts, center, scaled } = coefficients[precision];
  const magnitude = atMost(absolute(x), limit);
  const h = mul(quadrantNumber(quadrant(magnitude, parts)), 1 / parts);
  const d = sub(magnitude, h);
  const { r, power } = reduceByLn2(mul(mul(h, h), -1), 2, floatFormats[format].ln2);
  const rest = subtractProduct(d, add(magnitude, h), r);
  const q = div(sub(magnitude, center), add(magnitude, center));
  const factor = div(polynomial(q, scaled, mul(q, q)), multiplyAdd(magnitude, 2, 1));
  const exponential = multiplyAdd(expMinusOne(rest, expTails[precision]), power, power);
  const far = mul(mul(exponential, factor), power);
  const isNear = less(magnitude, 0.5);
  return select(isNear, sub(1, erfParts(x, precision).near), select(less(x, 0), sub(2, far), far));
}

/** Single precision has errors of up to 5 units in the last place, of which doubles leave one half. */
export const erfc: ElementaryFunction = {
  ...elementaryFunction(compute),
  f32InDoubles: compute(argument, 'f64', 'f32'),
};
