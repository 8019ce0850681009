/** Methods that rearrange axes and elements: rolled, rotated, repeated and cut tensors, and diagonals. */
import type { Shape } from '../kernel/shape.ts';
import type { RepeatCounts } from '../ops/arranging.ts';
import type { Axes } from '../ops/axes.ts';
import * as ops from '../ops/index.ts';
import { ScatterableTensor } from './scattering.ts';
import { spread } from './shaping.ts';
import { type Operand, operand, type TensorBase } from './tensor-base.ts';

export abstract class ArrangedTensor<T extends TensorBase<T>> extends ScatterableTensor<T> {
  /**
   * `length` elements from `start` (a number, or a scalar of integers) along `axis`. A negative start counts from the end; a range outside of
   * the axis is an error.
   */
  narrow(axis: number, start: Operand<T>, length: number): T {
    return this.wrap(ops.narrow(this.node, axis, operand(start, 'narrow'), length));
  }

  /** Elements move along `axes` by `shifts`; those that leave at the end return at the start. Without axes, in the flat tensor. */
  roll(shifts: number | readonly number[], axes?: Axes): T {
    return this.wrap(ops.roll(this.node, shifts, axes));
  }

  /** Rotated by `k` quarter turns, from the first of two axes towards the second. */
  rot90(k = 1, axes: readonly number[] = [0, 1]): T {
    return this.wrap(ops.rot90(this.node, k, axes));
  }

  /** Axes `from` become axes `to`; the others keep their order. */
  movedim(from: number | readonly number[], to: number | readonly number[]): T {
    return this.wrap(ops.movedim(this.node, from, to));
  }

  /** The same as `transpose`, with both axes named. */
  swapaxes(a: number, b: number): T {
    return this.wrap(ops.transpose(this.node, a, b));
  }

  /** The matrix transposed; a vector or a scalar as it is. */
  t(): T {
    if (this.ndim > 2) throw new RangeError(`t: needs at most two dimensions, got [${this.shape.join(', ')}]`);
    return this.wrap(this.ndim < 2 ? this.node : ops.transpose(this.node, 0, 1));
  }

  /** The columns in reverse order. Needs at least two dimensions. */
  fliplr(): T {
    if (this.ndim < 2) throw new RangeError(`fliplr: needs at least two dimensions, got [${this.shape.join(', ')}]`);
    return this.wrap(ops.flip(this.node, 1));
  }

  /** The rows in reverse order. */
  flipud(): T {
    if (this.ndim < 1) throw new RangeError('flipud: needs at least one dimension, got a scalar');
    return this.wrap(ops.flip(this.node, 0));
  }

  /** All elements as a vector. */
  ravel(): T {
    return this.wrap(ops.flatten(this.node, 0, -1));
  }

  /** The slices along `axis`, without it. */
  unbind(axis = 0): T[] {
    return ops.unbind(this.node, axis).map((node) => this.wrap(node));
  }

  /** `sections` pieces of sizes as equal as possible along `axis` (the first ones are larger), or pieces cut at the given positions. */
  tensorSplit(sections: number | readonly number[], axis = 0): T[] {
    return ops.tensorSplit(this.node, sections, axis).map((node) => this.wrap(node));
  }

  /** Pieces along the second axis (of a vector, the first): a number of equal ones, or cut at the given positions. */
  hsplit(sections: number | readonly number[]): T[] {
    return ops.splitAt('hsplit', this.node, sections, this.ndim === 1 ? 0 : 1, 1).map((node) => this.wrap(node));
  }

  /** Pieces along the first axis of at least two: a number of equal ones, or cut at the given positions. */
  vsplit(sections: number | readonly number[]): T[] {
    return ops.splitAt('vsplit', this.node, sections, 0, 2).map((node) => this.wrap(node));
  }

  /** Pieces along the third axis: a number of equal ones, or cut at the given positions. */
  dsplit(sections: number | readonly number[]): T[] {
    return ops.splitAt('dsplit', this.node, sections, 2, 3).map((node) => this.wrap(node));
  }

  /** Like `repeat`, where counts for the first axes may be missing. */
  tile(...counts: number[] | [readonly number[]]): T {
    return this.wrap(ops.tile(this.node, spread(counts)));
  }

  /**
   * Each element along `axis` repeated in place: all equally often, or each by its own count (an array, or a tensor of integers, for which
   * the size of the result must be passed). Without an axis, of the flat tensor.
   */
  repeatInterleave(counts: RepeatCounts<T>, axis?: number, options: { readonly outputSize?: number } = {}): T {
    const nodes = typeof counts === 'object' && 'node' in counts ? counts.node : counts;
    return this.wrap(ops.repeatInterleave(this.node, nodes, axis, options.outputSize));
  }

  /** Pieces of `size` elements along `axis`, `step` apart; the elements of each piece become a new last axis. */
  unfold(axis: number, size: number, step: number): T {
    return this.wrap(ops.unfold(this.node, axis, size, step));
  }

  /** `expand` to the shape of another tensor. */
  expandAs(other: T): T {
    return this.wrap(ops.expand(this.node, other.shape));
  }

  /** `reshape` to the shape of another tensor. */
  reshapeAs(other: T): T {
    return this.wrap(ops.reshape(this.node, other.shape));
  }

  /** The same as `reshape`: whether elements can stay where they are is not visible here. */
  view(...shape: number[] | [Shape]): T {
    return this.wrap(ops.reshape(this.node, spread(shape)));
  }

  /** The same as `reshapeAs`. */
  viewAs(other: T): T {
    return this.wrap(ops.reshape(this.node, other.shape));
  }

  // Diagonals

  /** The diagonal of two axes, which are dropped, as a new last axis; `offset` above the main diagonal. */
  diagonal(offset = 0, first = 0, second = 1): T {
    return this.wrap(ops.diagonal(this.node, offset, first, second));
  }

  /** Of a vector, the square matrix with it on a diagonal; of a matrix, its diagonal. */
  diag(offset = 0): T {
    return this.wrap(ops.diag(this.node, offset));
  }

  /** The last axis on the diagonal of two new axes (by default the last two), 0 elsewhere. */
  diagEmbed(offset = 0, first = -2, second = -1): T {
    return this.wrap(ops.diagEmbed(this.node, offset, first, second));
  }

  /** All elements on a diagonal of a square matrix. */
  diagflat(offset = 0): T {
    return this.wrap(ops.diagflat(this.node, offset));
  }

  /** The sum of the diagonal of a matrix. */
  trace(): T {
    if (this.ndim !== 2) throw new RangeError(`trace: needs a matrix, got [${this.shape.join(', ')}]`);
    return this.wrap(ops.sum(ops.diagonal(this.node)));
  }

  /** The last two axes at and below the diagonal (moved up by `diagonal`), zeros above. */
  tril(diagonal = 0): T {
    return this.wrap(ops.tril(this.node, diagonal));
  }

  /** The last two axes at and above the diagonal (moved up by `diagonal`), zeros below. */
  triu(diagonal = 0): T {
    return this.wrap(ops.triu(this.node, diagonal));
  }
}
