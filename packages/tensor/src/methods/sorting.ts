/** Methods that sort, and that read sorted rows: medians, quantiles, places in a sorted sequence. */
import type { Node } from '../graph/node.ts';
import * as ops from '../ops/index.ts';
import type { QuantileOptions, SortOptions, TopkOptions, ValuesAndIndices } from '../ops/sorting.ts';
import { IndexedTensor } from './indexing.ts';
import { nodeOf, type Operand, operand, type TensorBase } from './tensor-base.ts';

/** Numbers between 0 and 1: one, a list, or a scalar or vector of them. */
export type Quantiles<T> = number | readonly number[] | T;

const quantileNodes = <T extends TensorBase<T>>(value: Quantiles<T>): number | readonly number[] | Node =>
  typeof value === 'object' && 'node' in value ? value.node : value;

export abstract class SortableTensor<T extends TensorBase<T>> extends IndexedTensor<T> {
  #both({ values, indices }: ValuesAndIndices<Node>): ValuesAndIndices<T> {
    return { values: this.wrap(values), indices: this.wrap(indices) };
  }

  /**
   * The elements along `axis` in ascending (or descending) order, and their positions before, i32; both of this shape. Equal elements keep
   * their order, as with PyTorch's `stable=True`; NaN counts as the largest. Gradients flow back to where the elements were.
   */
  sort(axis = -1, options?: SortOptions): ValuesAndIndices<T> {
    return this.#both(ops.sort(this.node, axis, options));
  }

  /** The positions that sort along `axis`, i32: `sort(...).indices`. */
  argsort(axis = -1, options?: SortOptions): T {
    return this.wrap(ops.argsort(this.node, axis, options));
  }

  /** `sort(0).values`. */
  msort(): T {
    return this.wrap(ops.sort(this.node, 0).values);
  }

  /** The `k` largest (or smallest) elements along `axis`, the most extreme first, and their positions, i32. `k`: at most the axis's size. */
  topk(k: number, axis = -1, options?: TopkOptions): ValuesAndIndices<T> {
    return this.#both(ops.topk(this.node, k, axis, options));
  }

  /** The `k`-th smallest element along `axis`, counted from 1, and its position, i32. */
  kthvalue(k: number, axis = -1, keepdim = false): ValuesAndIndices<T> {
    return this.#both(ops.kthvalue(this.node, k, axis, keepdim));
  }

  /** The median of all elements, the lower of two; NaN if there is one. The gradient is shared by all elements that are equal to it. */
  median(): T;
  /** The median along `axis` and its position, i32. */
  median(axis: number, keepdim?: boolean): ValuesAndIndices<T>;
  median(axis?: number, keepdim = false): T | ValuesAndIndices<T> {
    return axis === undefined
      ? this.wrap(ops.median(this.node))
      : this.#both(ops.medianWithIndices(this.node, axis, keepdim));
  }

  /** The median of the elements that are not NaN; NaN if there are none. */
  nanmedian(): T;
  nanmedian(axis: number, keepdim?: boolean): ValuesAndIndices<T>;
  nanmedian(axis?: number, keepdim = false): T | ValuesAndIndices<T> {
    return axis === undefined
      ? this.wrap(ops.nanmedian(this.node))
      : this.#both(ops.nanmedianWithIndices(this.node, axis, keepdim));
  }

  /** The most frequent element along `axis` (the smallest of several) and the last position at which it is, i32. Compares all pairs. */
  mode(axis = -1, keepdim = false): ValuesAndIndices<T> {
    return this.#both(ops.mode(this.node, axis, keepdim));
  }

  /**
   * The values below which the parts `q` (0 to 1) of the elements along `axis` are; of all elements without an axis. A list or vector `q`
   * becomes the first axis of the result. Between two elements the result is interpolated: 'linear' (default), 'lower', 'higher', 'nearest'
   * or 'midpoint'. NaN where there is a NaN.
   */
  quantile(q: Quantiles<T>, axis?: number, options?: QuantileOptions): T {
    return this.wrap(ops.quantile(this.node, quantileNodes(q), axis, options));
  }

  /** `quantile` of the elements that are not NaN. */
  nanquantile(q: Quantiles<T>, axis?: number, options?: QuantileOptions): T {
    return this.wrap(ops.nanquantile(this.node, quantileNodes(q), axis, options));
  }

  /**
   * For each element, how many of the ascending `boundaries` [n] are smaller than it (with `right`, not larger), i32: the number of its
   * bucket. NaN is larger than everything.
   */
  bucketize(boundaries: T, options?: { readonly right?: boolean }): T {
    return this.wrap(ops.bucketize(this.node, nodeOf(boundaries, 'bucketize'), options));
  }

  /**
   * The places in this sorted sequence where `values` would be inserted, i32, in the shape of `values`: before equal elements, or (with
   * `right`) after them. This tensor: [n], or [..., n] with the leading sizes of `values`.
   */
  searchsorted(values: Operand<T>, options?: { readonly right?: boolean }): T {
    return this.wrap(ops.searchsorted(this.node, operand(values, 'searchsorted'), options));
  }

  // Everything up to each element

  /** The sums of all elements up to each along `axis`. bool and u8 are summed as i32. */
  cumsum(axis: number): T {
    return this.wrap(ops.cumsum(this.node, axis));
  }

  /** The products of all elements up to each along `axis`; the derivative is exact where elements are 0. */
  cumprod(axis: number): T {
    return this.wrap(ops.cumprod(this.node, axis));
  }

  /** log(sum(exp(x))) of all elements up to each along `axis`. */
  logcumsumexp(axis: number): T {
    return this.wrap(ops.logcumsumexp(this.node, axis));
  }

  /** The largest element up to each along `axis`, and the last position where it was, i32. From the first NaN on, NaN. */
  cummax(axis: number): ValuesAndIndices<T> {
    return this.#both(ops.cummax(this.node, axis));
  }

  /** The smallest element up to each along `axis`, and the last position where it was, i32. From the first NaN on, NaN. */
  cummin(axis: number): ValuesAndIndices<T> {
    return this.#both(ops.cummin(this.node, axis));
  }

  /** Differences of neighbors along `axis`, `n` times: each time the axis is shorter by 1. Of bool: whether they differ. */
  diff(n = 1, axis = -1): T {
    return this.wrap(ops.diff(this.node, n, axis));
  }
}
