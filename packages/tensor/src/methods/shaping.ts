/** Methods that show the elements of a tensor under another shape. */
import type { Shape } from '../kernel/shape.ts';
import type { Axes } from '../ops/axes.ts';
import * as ops from '../ops/index.ts';
import type { Window } from '../ops/shaping.ts';
import { ReducibleTensor } from './reductions.ts';
import type { TensorBase } from './tensor-base.ts';

export abstract class ShapedTensor<T extends TensorBase<T>> extends ReducibleTensor<T> {
  // Shape: these are views, and nothing is copied.

  /** The same elements in row-major order under another shape; one size may be -1 and is inferred. */
  reshape(...shape: number[] | [Shape]): T {
    return this.wrap(ops.reshape(this.node, spread(shape)));
  }

  /** Axis k of the result is axis `axes[k]`. */
  permute(...axes: number[] | [readonly number[]]): T {
    return this.wrap(ops.permute(this.node, spread(axes)));
  }

  /** Swaps two axes, by default the last two. */
  transpose(a = -2, b = -1): T {
    return this.wrap(ops.transpose(this.node, a, b));
  }

  /** Axes of size 1 grow; axes may be added in front; -1 keeps a size. */
  expand(...shape: number[] | [Shape]): T {
    return this.wrap(ops.expand(this.node, spread(shape)));
  }

  /** The same without -1. */
  broadcastTo(...shape: number[] | [Shape]): T {
    return this.wrap(ops.broadcastTo(this.node, spread(shape)));
  }

  /** Drops axes of size 1: all of them, or those named. */
  squeeze(axes?: Axes): T {
    return this.wrap(ops.squeeze(this.node, axes));
  }

  /** Adds an axis of size 1, which becomes axis `axis` of the result. */
  unsqueeze(axis: number): T {
    return this.wrap(ops.unsqueeze(this.node, axis));
  }

  /** Joins axes `start` to `end`, both included. */
  flatten(start = 0, end = -1): T {
    return this.wrap(ops.flatten(this.node, start, end));
  }

  /** Splits `axis` into several axes; one of the sizes may be -1. */
  unflatten(axis: number, sizes: Shape): T {
    return this.wrap(ops.unflatten(this.node, axis, sizes));
  }

  /** Adds `pairs[k][0]` elements of `value` before and `pairs[k][1]` after the tensor along axis k. */
  pad(pairs: readonly (readonly [before: number, after: number])[], value = 0): T {
    return this.wrap(ops.pad(this.node, pairs, value));
  }

  /**
   * Every `step`-th element from `start` to before `end` along `axis`. Negative positions count from the end; both are clamped to the axis.
   * A negative step is refused, as in PyTorch: flip the axis first.
   */
  slice(axis: number, start?: number, end?: number, step = 1): T {
    return this.wrap(ops.stridedSlice(this.node, axis, start, end, step));
  }

  /** The slice at `index` along `axis`, without that axis. */
  select(axis: number, index: number): T {
    return this.wrap(ops.select(this.node, axis, index));
  }

  /** Reverses the order along `axes`. */
  flip(axes: Axes): T {
    return this.wrap(ops.flip(this.node, axes));
  }

  /** Pieces along `axis` of the given sizes, or of one size, where the last piece may be smaller. */
  split(sizes: number | readonly number[], axis = 0): T[] {
    return ops.split(this.node, sizes, axis).map((node) => this.wrap(node));
  }

  /** At most `count` pieces of equal size along `axis`; the last may be smaller. */
  chunk(count: number, axis = 0): T[] {
    return ops.chunk(this.node, count, axis).map((node) => this.wrap(node));
  }

  /** Repeats the tensor `counts[k]` times along axis k; axes may be added in front. */
  repeat(...counts: number[] | [readonly number[]]): T {
    return this.wrap(ops.repeat(this.node, spread(counts)));
  }

  /** Sliding windows: a windowed axis becomes the number of positions; the window axes are appended in the order of `windows`. */
  window(windows: readonly Window[]): T {
    return this.wrap(ops.window(this.node, windows));
  }
}

/** The arguments, passed one by one or as one array. */
export const spread = (list: readonly number[] | readonly [readonly number[]]): readonly number[] =>
  typeof list[0] === 'object' ? list[0] : (list as readonly number[]);
