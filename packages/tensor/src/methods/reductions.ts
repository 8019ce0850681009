/** Methods that reduce a tensor along axes: sums, extrema, statistics, softmax. */
import type { Axes } from '../ops/axes.ts';
import type { HistogramOptions } from '../ops/histograms.ts';
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

  /**
   * The norm of an order: (sum |x|^order)^(1/order), by default the Euclidean one; 0 counts the elements that are not 0, infinity and
   * -infinity are the largest and the smallest magnitude. Its gradient at 0 is 0.
   */
  norm(axes?: Axes, keepdim = false, order = 2): T {
    return this.wrap(
      order === 2 ? ops.norm(this.node, axes, keepdim) : ops.norms.vectorNorm(this.node, order, axes, { keepdim }),
    );
  }

  /** The position of the largest value along `axis` (without one, in the flat tensor), i32; the first of equal ones, or of the first NaN. */
  argmax(axis?: number, keepdim = false): T {
    return this.wrap(ops.argmax(this.node, axis, keepdim));
  }

  /** The position of the smallest value along `axis` (without one, in the flat tensor), i32; the first of equal ones, or of the first NaN. */
  argmin(axis?: number, keepdim = false): T {
    return this.wrap(ops.argmin(this.node, axis, keepdim));
  }

  /** The product, 1 for no elements. bool and u8 are multiplied as i32. The derivative is exact where elements are 0. */
  prod(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.prod(this.node, axes, keepdim));
  }

  /** The sum of the elements that are not NaN. */
  nansum(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.nansum(this.node, axes, keepdim));
  }

  /** The mean of the elements that are not NaN; NaN if there are none. */
  nanmean(axes?: Axes, keepdim = false): T {
    return this.wrap(ops.nanmean(this.node, axes, keepdim));
  }

  /** How many elements are not 0, i32. */
  countNonzero(axes?: Axes): T {
    return this.wrap(ops.countNonzero(this.node, axes));
  }

  /** The smallest and the largest value. */
  aminmax(axes?: Axes, keepdim = false): { readonly min: T; readonly max: T } {
    const { min, max } = ops.aminmax(this.node, axes, keepdim);
    return { min: this.wrap(min), max: this.wrap(max) };
  }

  /** `variance` and `mean`. */
  varMean(axes?: Axes, options?: VarianceOptions): { readonly variance: T; readonly mean: T } {
    const { variance, mean } = ops.varMean(this.node, axes, options);
    return { variance: this.wrap(variance), mean: this.wrap(mean) };
  }

  /** `std` and `mean`. */
  stdMean(axes?: Axes, options?: VarianceOptions): { readonly std: T; readonly mean: T } {
    const { std, mean } = ops.stdMean(this.node, axes, options);
    return { std: this.wrap(std), mean: this.wrap(mean) };
  }

  /** The slices along `axis` whose norm (of an order) is larger than `maxnorm` are scaled down to it. */
  renorm(order: number, axis: number, maxnorm: number): T {
    return this.wrap(ops.norms.renorm(this.node, order, axis, maxnorm));
  }

  /**
   * [bins]: how many elements are in each of `bins` equal bins from `min` to `max`, in this dtype; the last bin includes its end. With
   * min = max = 0 the bounds are those of the data.
   */
  histc(bins = 100, min = 0, max = 0): T {
    return this.wrap(ops.histc(this.node, bins, min, max));
  }

  /**
   * The number (or weight) of elements in bins, and the edges of the bins: `bins` equal ones over `range` (by default that of the data), or
   * between ascending edges [bins + 1]. The last bin includes its end. With `density`, the integral is 1.
   */
  histogram(bins: number | T, options: HistogramOptions<T> = {}): { readonly hist: T; readonly binEdges: T } {
    const { weight, ...rest } = options;
    const { hist, binEdges } = ops.histogram(this.node, typeof bins === 'number' ? bins : bins.node, {
      ...rest,
      ...(weight === undefined ? {} : { weight: weight.node }),
    });
    return { hist: this.wrap(hist), binEdges: this.wrap(binEdges) };
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
