/** Methods that compute each element by itself, continued: exponentials, angles, rounding, kinds of numbers, sums of products. */
import type { CloseOptions, NanToNumOptions } from '../ops/floats.ts';
import * as ops from '../ops/index.ts';
import { ElementwiseTensor } from './elementwise.ts';
import { type Operand, operand, type TensorBase } from './tensor-base.ts';

/** Options of products and quotients that are added to a tensor. */
export interface ValueOptions {
  /** A factor on the product or quotient. Default: 1. */
  readonly value?: number;
}

/** The functions of angles and logarithms return floating point: of integers, f32. */
export abstract class MathematicalTensor<T extends TensorBase<T>> extends ElementwiseTensor<T> {
  // Exponentials and logarithms

  /** exp(x) - 1, accurate near 0. */
  expm1(): T {
    return this.wrap(ops.expm1(this.node));
  }

  /** 2^x; exact where x is a whole number. */
  exp2(): T {
    return this.wrap(ops.exp2(this.node));
  }

  /** log(1 + x), accurate near 0. */
  log1p(): T {
    return this.wrap(ops.log1p(this.node));
  }

  /** The logarithm to the base 2; exact where it is a whole number. */
  log2(): T {
    return this.wrap(ops.log2(this.node));
  }

  /** The logarithm to the base 10; exact where it is a whole number. */
  log10(): T {
    return this.wrap(ops.log10(this.node));
  }

  /** log(exp(x) + exp(other)) without overflow. */
  logaddexp(other: Operand<T>): T {
    return this.wrap(ops.logaddexp(this.node, operand(other, 'logaddexp')));
  }

  /** log2(2^x + 2^other) without overflow. */
  logaddexp2(other: Operand<T>): T {
    return this.wrap(ops.logaddexp2(this.node, operand(other, 'logaddexp2')));
  }

  /** x log(other), and 0 where x is 0, unless `other` is NaN. */
  xlogy(other: Operand<T>): T {
    return this.wrap(ops.xlogy(this.node, operand(other, 'xlogy')));
  }

  /** log(x / (1 - x)), the inverse of `sigmoid`; NaN outside of [0, 1]. With `eps`, x is first clamped to [eps, 1 - eps]. */
  logit(eps?: number): T {
    return this.wrap(ops.logit(this.node, eps));
  }

  /** 1 - erf(x), accurate also where erf(x) is near 1. */
  erfc(): T {
    return this.wrap(ops.erfc(this.node));
  }

  // Angles

  tan(): T {
    return this.wrap(ops.tan(this.node));
  }

  /** The angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]. */
  asin(): T {
    return this.wrap(ops.asin(this.node));
  }

  /** The angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]. */
  acos(): T {
    return this.wrap(ops.acos(this.node));
  }

  /** The angle in [-pi/2, pi/2] whose tangent is x. */
  atan(): T {
    return this.wrap(ops.atan(this.node));
  }

  /** The angle, in [-pi, pi], of the point with the ordinate x and the abscissa `other`. Signs of zeros count, as in IEEE 754. */
  atan2(other: Operand<T>): T {
    return this.wrap(ops.atan2(this.node, operand(other, 'atan2')));
  }

  sinh(): T {
    return this.wrap(ops.sinh(this.node));
  }

  cosh(): T {
    return this.wrap(ops.cosh(this.node));
  }

  asinh(): T {
    return this.wrap(ops.asinh(this.node));
  }

  /** The number of at least 0 whose hyperbolic cosine is x; NaN below 1. */
  acosh(): T {
    return this.wrap(ops.acosh(this.node));
  }

  /** NaN outside of [-1, 1], infinite at the ends. */
  atanh(): T {
    return this.wrap(ops.atanh(this.node));
  }

  /** sin(pi x) / (pi x), and 1 at 0. */
  sinc(): T {
    return this.wrap(ops.sinc(this.node));
  }

  /** Degrees as radians. */
  deg2rad(): T {
    return this.wrap(ops.deg2rad(this.node));
  }

  /** Radians as degrees. */
  rad2deg(): T {
    return this.wrap(ops.rad2deg(this.node));
  }

  /** sqrt(x^2 + other^2), without overflow of the squares. */
  hypot(other: Operand<T>): T {
    return this.wrap(ops.hypot(this.node, operand(other, 'hypot')));
  }

  // Rounding: the derivative is 0.

  /** The smallest whole number that is not less than the value. */
  ceil(): T {
    return this.wrap(ops.ceil(this.node));
  }

  /** The whole part: rounded towards 0. */
  trunc(): T {
    return this.wrap(ops.trunc(this.node));
  }

  /** The fraction x - trunc(x), with the sign of x. Its derivative is 1. */
  frac(): T {
    return this.wrap(ops.frac(this.node));
  }

  /** The nearest whole number, of halves the even one. With `decimals`, the nearest multiple of 10^-decimals, which may be negative. */
  round({ decimals = 0 }: { readonly decimals?: number } = {}): T {
    return this.wrap(ops.round(this.node, decimals));
  }

  /** The remainder with the sign of x: x - other * trunc(x / other). Of integers, 0 where `other` is 0. */
  fmod(other: Operand<T>): T {
    return this.wrap(ops.fmod(this.node, operand(other, 'fmod')));
  }

  // Kinds of numbers and signs

  /** Whether the value is NaN. bool. */
  isnan(): T {
    return this.wrap(ops.isnan(this.node));
  }

  /** Whether the value is infinite. bool. */
  isinf(): T {
    return this.wrap(ops.isinf(this.node));
  }

  /** Whether the value is neither NaN nor infinite. bool. */
  isfinite(): T {
    return this.wrap(ops.isfinite(this.node));
  }

  /** Whether the value is infinity. bool. */
  isposinf(): T {
    return this.wrap(ops.isposinf(this.node));
  }

  /** Whether the value is -infinity. bool. */
  isneginf(): T {
    return this.wrap(ops.isneginf(this.node));
  }

  /** Replaces NaN (by 0) and infinities (by the largest and smallest finite numbers of the dtype). */
  nanToNum(options?: NanToNumOptions): T {
    return this.wrap(ops.nanToNum(this.node, options));
  }

  /** -1, 0 or 1: the same as `sign`. */
  sgn(): T {
    return this.wrap(ops.sign(this.node));
  }

  /** Whether the sign bit is set: true for negative numbers and -0. bool. */
  signbit(): T {
    return this.wrap(ops.signbit(this.node));
  }

  /** The magnitude of x with the sign of `other`, also of zeros. */
  copysign(other: Operand<T>): T {
    return this.wrap(ops.copysign(this.node, operand(other, 'copysign')));
  }

  /** 0 below 0, 1 above, `values` at 0. */
  heaviside(values: Operand<T>): T {
    return this.wrap(ops.heaviside(this.node, operand(values, 'heaviside')));
  }

  // Bounds

  /** Values below `min` become `min`. The gradient flows at a bound that is a number; values that equal a tensor share it with the tensor. */
  clampMin(min: Operand<T>): T {
    return this.wrap(
      typeof min === 'number' ? ops.clamp(this.node, min) : ops.maximum(this.node, operand(min, 'clampMin')),
    );
  }

  /** Values above `max` become `max`. The gradient flows at a bound that is a number; values that equal a tensor share it with the tensor. */
  clampMax(max: Operand<T>): T {
    return this.wrap(
      typeof max === 'number' ? ops.clamp(this.node, undefined, max) : ops.minimum(this.node, operand(max, 'clampMax')),
    );
  }

  /** The larger of two values; where one of them is NaN, the other. */
  fmax(other: Operand<T>): T {
    return this.wrap(ops.fmax(this.node, operand(other, 'fmax')));
  }

  /** The smaller of two values; where one of them is NaN, the other. */
  fmin(other: Operand<T>): T {
    return this.wrap(ops.fmin(this.node, operand(other, 'fmin')));
  }

  // Sums of products

  /** x + weight (end - x): exactly x at weight 0 and `end` at weight 1. */
  lerp(end: Operand<T>, weight: Operand<T>): T {
    return this.wrap(ops.lerp(this.node, operand(end, 'lerp'), operand(weight, 'lerp')));
  }

  /** x + value * a * b. */
  addcmul(a: Operand<T>, b: Operand<T>, { value = 1 }: ValueOptions = {}): T {
    return this.wrap(ops.addcmul(this.node, operand(a, 'addcmul'), operand(b, 'addcmul'), value));
  }

  /** x + value * a / b, in floating point. */
  addcdiv(a: Operand<T>, b: Operand<T>, { value = 1 }: ValueOptions = {}): T {
    return this.wrap(ops.addcdiv(this.node, operand(a, 'addcdiv'), operand(b, 'addcdiv'), value));
  }

  // Comparison up to rounding

  /** Whether |x - other| <= atol + rtol |other|, element by element. bool. */
  isclose(other: Operand<T>, options?: CloseOptions): T {
    return this.wrap(ops.isclose(this.node, operand(other, 'isclose'), options));
  }
}
