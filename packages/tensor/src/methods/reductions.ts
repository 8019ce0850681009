/** Methods that reduce a tensor along axes: sums, extrema, statistics, softmax. */
import type { Axes } from '../ops/axes.ts';
import * as ops from '../ops/index.ts';
import type { VarianceOptions } from '../ops/reductions.ts';
import { MathematicalTensor } from './mathematics.ts';
import type { TensorBase } from './tensor-base.ts';

export abstract class ReducibleTensor<T extends TensorBase<T>> extends MathematicalTensor<T> {
  // Reductions, by default over all axes. `keepdim` keeps the reduced axes, with size 1.

  /** The sum, 0 for no elements. bool and u8 are summed as i32. */
  sum(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.sum(this.node, axes, keepdim));
  }

  /** The mean; of integers, in f32. */
  mean(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.mean(this.node, axes, keepdim));
  }

  /**
   * The largest value; NaN if one of them is NaN. Over named axes, the gradient goes to the first of equal values in row-major order (or
   * to the first NaN), as with PyTorch's `max(dim)` and max pooling; over all, it is shared equally, as with PyTorch's `max()`.
   */
  max(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.max(this.node, axes, keepdim));
  }

  /** The smallest value; NaN if one of them is NaN. The gradient is that of `max`. */
  min(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.min(this.node, axes, keepdim));
  }

  /** The largest value, as `max`; but the gradient is always shared equally among equal values. It is NaN where the value is NaN. */
  amax(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.amax(this.node, axes, keepdim));
  }

  /** The smallest value, as `min`; the gradient is that of `amax`. */
  amin(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.amin(this.node, axes, keepdim));
  }

  /**
   * The sum of squared deviations from the mean, divided by n - `correction`; the default is 1 (Bessel's correction). Exactly 0 for equal
   * values, by the corrected two-pass algorithm (Chan, Golub and LeVeque 1983).
   */
  variance(axes?: Axes, options?: VarianceOptions): T {
    return this.wrap(ops.variance(this.node, axes, options));
  }

  /** The square root of `variance`. Its gradient is 0 where all values are equal, as in PyTorch. */
  std(axes?: Axes, options?: VarianceOptions): T {
    return this.wrap(ops.std(this.node, axes, options));
  }

  /** The Euclidean norm. Its gradient at 0 is 0. */
  norm(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.norm(this.node, axes, keepdim));
  }

  /** The position of the largest value along `axis`, i32; the first of equal ones, or of the first NaN. */
  argmax(axis: number, keepdim = false): T {
    return this.wrap(ops.argmax(this.node, axis, keepdim));
  }

  /** The position of the smallest value along `axis`, i32; the first of equal ones, or of the first NaN. */
  argmin(axis: number, keepdim = false): T {
    return this.wrap(ops.argmin(this.node, axis, keepdim));
  }

  /** Whether any value is not 0. bool. */
  any(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.any(this.node, axes, keepdim));
  }

  /** Whether all values are not 0. bool. */
  all(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.all(this.node, axes, keepdim));
  }

  /** exp(x) / sum(exp(x)) along `axis`. */
  softmax(axis: number): T {
    return this.wrap(ops.softmax(this.node, axis));
  }

  /** log(softmax(x)) along `axis`. */
  logSoftmax(axis: number): T {
    return this.wrap(ops.logSoftmax(this.node, axis));
  }

  /** log(sum(exp(x))). */
  logsumexp(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.logsumexp(this.node, axes, keepdim));
  }
}
