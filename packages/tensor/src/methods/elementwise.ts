/** Methods that compute each element of a tensor by itself: arithmetic, functions, comparisons, logic, bits. */
import * as ops from '../ops/index.ts';
import type { RoundingMode } from '../ops/rounding.ts';
import { type Operand, operand, optionalOperand, TensorBase } from './tensor-base.ts';

/** Options of sums and differences. */
export interface AlphaOptions {
  /** A factor on the second operand. Default: 1. */
  readonly alpha?: number;
}

export abstract class ElementwiseTensor<T extends TensorBase<T>> extends TensorBase<T> {
  /** x + alpha * other. */
  add(other: Operand<T>, { alpha = 1 }: AlphaOptions = {}): T {
    return this.wrap(ops.addScaled(this.node, operand(other, 'add'), alpha));
  }

  /** x - alpha * other. */
  sub(other: Operand<T>, { alpha = 1 }: AlphaOptions = {}): T {
    return this.wrap(ops.subScaled(this.node, operand(other, 'sub'), alpha));
  }

  /** other - alpha * x. */
  rsub(other: Operand<T>, { alpha = 1 }: AlphaOptions = {}): T {
    return this.wrap(ops.subScaled(operand(other, 'rsub'), this.node, alpha));
  }

  mul(other: Operand<T>): T {
    return this.wrap(ops.mul(this.node, operand(other, 'mul')));
  }

  /**
   * True division, rounded once: the result of integers is f32. With a `roundingMode` the quotient is rounded, towards 0 or downwards, and the dtype is
   * that of the operands: the result of integers is exact, and 0 where `other` is 0.
   */
  div(other: Operand<T>, { roundingMode }: { readonly roundingMode?: RoundingMode } = {}): T {
    const [a, b] = [this.node, operand(other, 'div')];
    return this.wrap(roundingMode === undefined ? ops.div(a, b) : ops.divRounded(a, b, roundingMode));
  }

  neg(): T {
    return this.wrap(ops.neg(this.node));
  }

  /** 1 / x. */
  reciprocal(): T {
    return this.wrap(ops.reciprocal(this.node));
  }

  /**
   * x^exponent, with C's special values: NaN for a negative base with a fractional exponent, 1 for the exponent 0 and for the base 1.
   * Integers are exact and wrap around; a negative number as exponent makes them f32.
   */
  pow(exponent: Operand<T>): T {
    return this.wrap(ops.pow(this.node, operand(exponent, 'pow')));
  }

  /** The larger of two values; NaN if either is NaN. */
  maximum(other: Operand<T>): T {
    return this.wrap(ops.maximum(this.node, operand(other, 'maximum')));
  }

  /** The smaller of two values; NaN if either is NaN. */
  minimum(other: Operand<T>): T {
    return this.wrap(ops.minimum(this.node, operand(other, 'minimum')));
  }

  /** Values below `min` become `min`, values above `max` become `max`. The gradient flows where the value is inside or on a bound. */
  clamp(min?: Operand<T>, max?: Operand<T>): T {
    return this.wrap(ops.clamp(this.node, optionalOperand(min, 'clamp'), optionalOperand(max, 'clamp')));
  }

  exp(): T {
    return this.wrap(ops.exp(this.node));
  }

  /** The natural logarithm. */
  log(): T {
    return this.wrap(ops.log(this.node));
  }

  sqrt(): T {
    return this.wrap(ops.sqrt(this.node));
  }

  /** 1 / sqrt(x). */
  rsqrt(): T {
    return this.wrap(ops.rsqrt(this.node));
  }

  square(): T {
    return this.wrap(ops.square(this.node));
  }

  abs(): T {
    return this.wrap(ops.abs(this.node));
  }

  /** -1, 0 or 1. */
  sign(): T {
    return this.wrap(ops.sign(this.node));
  }

  sin(): T {
    return this.wrap(ops.sin(this.node));
  }

  cos(): T {
    return this.wrap(ops.cos(this.node));
  }

  tanh(): T {
    return this.wrap(ops.tanh(this.node));
  }

  /** 1 / (1 + exp(-x)). */
  sigmoid(): T {
    return this.wrap(ops.sigmoid(this.node));
  }

  /** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
  erf(): T {
    return this.wrap(ops.erf(this.node));
  }

  /** max(x, 0), with slope 0 at 0. */
  relu(): T {
    return this.wrap(ops.relu(this.node));
  }

  /** The largest whole number that is not greater than the value. */
  floor(): T {
    return this.wrap(ops.floor(this.node));
  }

  /** floor(x / other), exact; for integers, division by 0 is 0. */
  floorDivide(other: Operand<T>): T {
    return this.wrap(ops.floorDivide(this.node, operand(other, 'floorDivide')));
  }

  /** x - other * floor(x / other), exact, with the sign of `other`, like Python's %; for integers 0 where `other` is 0. */
  remainder(other: Operand<T>): T {
    return this.wrap(ops.remainder(this.node, operand(other, 'remainder')));
  }

  // Comparisons return bool. All comparisons with NaN are false, except `ne`.

  lt(other: Operand<T>): T {
    return this.wrap(ops.lt(this.node, operand(other, 'lt')));
  }

  le(other: Operand<T>): T {
    return this.wrap(ops.le(this.node, operand(other, 'le')));
  }

  gt(other: Operand<T>): T {
    return this.wrap(ops.gt(this.node, operand(other, 'gt')));
  }

  ge(other: Operand<T>): T {
    return this.wrap(ops.ge(this.node, operand(other, 'ge')));
  }

  eq(other: Operand<T>): T {
    return this.wrap(ops.eq(this.node, operand(other, 'eq')));
  }

  ne(other: Operand<T>): T {
    return this.wrap(ops.ne(this.node, operand(other, 'ne')));
  }

  /** Whether both values are not 0, for any dtype. bool. */
  logicalAnd(other: Operand<T>): T {
    return this.wrap(ops.logicalAnd(this.node, operand(other, 'logicalAnd')));
  }

  /** Whether one of the values is not 0, for any dtype. bool. */
  logicalOr(other: Operand<T>): T {
    return this.wrap(ops.logicalOr(this.node, operand(other, 'logicalOr')));
  }

  /** Whether the value is 0, for any dtype. bool. */
  logicalNot(): T {
    return this.wrap(ops.logicalNot(this.node));
  }

  // Operations on bits, for integers only.

  bitAnd(other: Operand<T>): T {
    return this.wrap(ops.bitAnd(this.node, operand(other, 'bitAnd')));
  }

  bitOr(other: Operand<T>): T {
    return this.wrap(ops.bitOr(this.node, operand(other, 'bitOr')));
  }

  bitXor(other: Operand<T>): T {
    return this.wrap(ops.bitXor(this.node, operand(other, 'bitXor')));
  }

  /** Shifts by `other` modulo 32 bits. */
  shiftLeft(other: Operand<T>): T {
    return this.wrap(ops.shiftLeft(this.node, operand(other, 'shiftLeft')));
  }

  /** Shifts by `other` modulo 32 bits, shifting in zeros: -1 becomes positive. */
  shiftRight(other: Operand<T>): T {
    return this.wrap(ops.shiftRight(this.node, operand(other, 'shiftRight')));
  }
}
