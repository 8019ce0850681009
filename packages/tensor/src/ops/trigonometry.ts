/** Trigonometric and hyperbolic functions and their inverses. Integers become f32. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { eq, logicalOr, lt, where } from './comparison.ts';
import { withSlope, withSlopes } from './derivative.ts';
import { abs, add, cos, div, exp, mul, neg, reciprocal, rsqrt, sin, sqrt, square, sub } from './elementwise.ts';
import { isinf, signbit } from './floats.ts';
import { expm1, log1p } from './logarithms.ts';
import { alignFloating, constantLike, floating, type Operand } from './operand.ts';
import { round } from './rounding.ts';

/** sin(x) / cos(x). */
export function tan(source: Node): Node {
  const x = floating(source);
  return withSlope('tan', x, div(sin(x), cos(x)), (_, y) => add(square(y), 1));
}

export const atan = (x: Node): Node => graph.unary('atan', floating(x));

/** 1 - x^2, exact to the last places near -1 and 1. */
const oneLessSquare = (x: Node): Node => mul(sub(1, x), add(x, 1));

/** 2 atan(x / (1 + sqrt(1 - x^2))). */
export function asin(source: Node): Node {
  const x = floating(source);
  const value = mul(atan(div(x, add(sqrt(oneLessSquare(x)), 1))), 2);
  return withSlope('asin', x, value, (p) => rsqrt(oneLessSquare(p)));
}

/** 2 atan(sqrt((1 - x) / (1 + x))), which is accurate near 1. */
export function acos(source: Node): Node {
  const x = floating(source);
  const value = mul(atan(sqrt(div(sub(1, x), add(x, 1)))), 2);
  return withSlope('acos', x, value, (p) => neg(rsqrt(oneLessSquare(p))));
}

/** The angle of the point (b, a), in (-pi, pi], with the signs of zeros as in IEEE 754. */
export function atan2(a: Operand, b: Operand): Node {
  const [y, x] = alignFloating('atan2', [a, b]);
  const [height, width] = [abs(y), abs(x)];
  const isSteep = lt(width, height);
  // Two zeros make 0, two infinities 1.
  const quotient = div(where(isSteep, width, height), where(isSteep, height, width));
  const ratio = where(eq(height, width), where(eq(height, 0), 0, constantLike(1, x)), quotient);
  const angle = atan(ratio);
  const upright = where(isSteep, sub(Math.PI / 2, angle), angle);
  const half = where(signbit(x), sub(Math.PI, upright), upright);
  return withSlopes('atan2', [y, x], graph.binary('copysign', half, y), (p, q) => {
    const lengthSquare = add(square(p), square(q));
    const scale = where(eq(lengthSquare, 0), 0, reciprocal(lengthSquare));
    return [mul(q, scale), neg(mul(p, scale))];
  });
}

/** Above this, exp(x) is infinite or nearly so, while exp(x) / 2 need not be. */
const largestExponent = (x: Node): number => (x.dtype === 'f64' ? 709 : 88);

/** (exp(x) + exp(-x)) / 2. */
export function cosh(source: Node): Node {
  const x = floating(source);
  const magnitude = abs(x);
  const isLarge = lt(largestExponent(x), magnitude);
  const e = exp(where(isLarge, mul(magnitude, 0.5), magnitude));
  const half = mul(e, 0.5);
  return withSlope('cosh', x, where(isLarge, mul(half, e), add(half, div(0.5, e))), (p) => sinh(p));
}

/** (exp(x) - exp(-x)) / 2 = (u + u / (u + 1)) / 2 with u = exp(x) - 1. */
export function sinh(source: Node): Node {
  const x = floating(source);
  const magnitude = abs(x);
  const isLarge = lt(largestExponent(x), magnitude);
  const u = expm1(where(isLarge, mul(magnitude, 0.5), magnitude));
  const half = mul(u, 0.5);
  const value = where(isLarge, mul(half, u), add(half, div(half, add(u, 1))));
  return withSlope('sinh', x, graph.binary('copysign', value, x), (p) => cosh(p));
}

/** From here on, 1 is less than a unit in the last place of x. */
const withoutOne = (x: Node): number => (x.dtype === 'f64' ? 2 ** 54 : 2 ** 25);

/** log(|x| + sqrt(x^2 + 1)), with the sign of x. */
export function asinh(source: Node): Node {
  const x = floating(source);
  const magnitude = abs(x);
  const isLarge = lt(withoutOne(x), magnitude);
  const small = where(isLarge, 1, magnitude);
  const square_ = square(small);
  const excess = add(small, div(square_, add(sqrt(add(square_, 1)), 1)));
  const value = add(log1p(where(isLarge, magnitude, excess)), where(isLarge, Math.LN2, constantLike(0, x)));
  return withSlope('asinh', x, graph.binary('copysign', value, x), (p) => rsqrt(add(square(p), 1)));
}

/** log(x + sqrt(x^2 - 1)); NaN below 1. */
export function acosh(source: Node): Node {
  const x = floating(source);
  const isLarge = lt(withoutOne(x), x);
  const t = where(isLarge, 1, sub(x, 1));
  const excess = add(t, sqrt(mul(t, add(t, 2))));
  const value = add(log1p(where(isLarge, x, excess)), where(isLarge, Math.LN2, constantLike(0, x)));
  return withSlope('acosh', x, where(lt(x, 1), Number.NaN, value), (p) => rsqrt(mul(sub(p, 1), add(p, 1))));
}

/** log((1 + x) / (1 - x)) / 2; NaN outside of [-1, 1]. */
export function atanh(source: Node): Node {
  const x = floating(source);
  const magnitude = abs(x);
  const value = mul(log1p(div(mul(magnitude, 2), sub(1, magnitude))), 0.5);
  return withSlope('atanh', x, graph.binary('copysign', value, x), (p) => reciprocal(oneLessSquare(p)));
}

/** sin(pi x) and cos(pi x), by the exact distance from the nearest whole number: pi x itself would have few digits of large x. */
function halfTurns(x: Node): { readonly sine: Node; readonly cosine: Node } {
  const whole = round(x);
  const angle = mul(sub(x, whole), Math.PI);
  const isOdd = abs(sub(whole, mul(round(mul(whole, 0.5)), 2)));
  const sign = sub(1, mul(isOdd, 2));
  return { sine: mul(sign, sin(angle)), cosine: mul(sign, cos(angle)) };
}

/** sin(pi x) / (pi x), and 1 at 0. */
export function sinc(source: Node): Node {
  const x = floating(source);
  const isZero = eq(x, 0);
  const value = where(isZero, 1, div(halfTurns(x).sine, mul(where(isZero, 1, x), Math.PI)));
  return withSlope('sinc', x, value, slopeOfSinc);
}

/**
 * (cos(pi x) - sinc(x)) / x. Where |pi x| < 1, so that the difference would lose digits, the power series: with t = pi x, pi times the sum
 * over n of (-1)^n 2n t^(2n-1) / (2n+1)!.
 */
function slopeOfSinc(x: Node): Node {
  const isSmall = lt(abs(x), 1 / Math.PI);
  const t = mul(where(isSmall, x, 0), Math.PI);
  const z = square(t);
  const terms = x.dtype === 'f64' ? 10 : 6;
  let sum = constantLike(1, z);
  for (let n = terms; n > 1; n--) sum = sub(1, mul(mul(z, sum), n / (n - 1) / (2 * n) / (2 * n + 1)));
  const large = where(isSmall, 1, x);
  const { sine, cosine } = halfTurns(large);
  return where(isSmall, mul(mul(t, sum), -Math.PI / 3), div(sub(cosine, div(sine, mul(large, Math.PI))), large));
}

export const deg2rad = (x: Node): Node => mul(floating(x), Math.PI / 180);
export const rad2deg = (x: Node): Node => mul(floating(x), 180 / Math.PI);

/** Limits of squares that neither overflow nor lose digits, and a power of 2 that brings other numbers between them. */
const squareLimits = {
  f32: { low: 2 ** -60, high: 2 ** 60, scale: 2 ** 90 },
  f64: { low: 2 ** -500, high: 2 ** 500, scale: 2 ** 600 },
} as const;

/** sqrt(a^2 + b^2) without overflow; infinite where either is. */
export function hypot(a: Operand, b: Operand): Node {
  const [x, y] = alignFloating('hypot', [a, b]);
  const { low, high, scale } = squareLimits[x.dtype === 'f64' ? 'f64' : 'f32'];
  const largest = graph.binary('max', abs(x), abs(y));
  const choose = (ofLarge: number, ofSmall: number): Node =>
    where(lt(high, largest), ofLarge, where(lt(largest, low), ofSmall, constantLike(1, x)));
  const factor = choose(1 / scale, scale);
  const length = mul(sqrt(add(square(mul(x, factor)), square(mul(y, factor)))), choose(scale, 1 / scale));
  const value = where(logicalOr(isinf(x), isinf(y)), Number.POSITIVE_INFINITY, length);
  return withSlopes('hypot', [x, y], value, (p, q, h) => [div(p, h), div(q, h)]);
}
