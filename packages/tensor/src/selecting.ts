/**
 * Methods whose result has a shape that depends on values: these are read, so the methods return promises, with a blocking variant for
 * each, and inside of a compiled function they throw. What they choose is still differentiable. Also `index`, which takes masks.
 */

import * as graph from './graph/graph.ts';
import type { Node } from './graph/node.ts';
import { storeArray } from './graph/storage.ts';
import { getBackend } from './kernel/backend.ts';
import { isFloat, type TypedArray } from './kernel/dtype.ts';
import { nth } from './kernel/nth.ts';
import { formatShape, type Shape, sameShape, sizeOf } from './kernel/shape.ts';
import { MultipliableTensor } from './methods/products.ts';
import { nodeOf, type TensorBase } from './methods/tensor-base.ts';
import type { IndexPart, SliceRange } from './ops/advanced-indexing.ts';
import * as ops from './ops/index.ts';
import { CannotBlockError } from './runtime/execute.ts';
import { findBackend, readNode, readNodeSync } from './runtime/realize.ts';
import { trackStorage } from './runtime/scope.ts';

/** A leaf with these positions, on the backend of `like`. */
function positionsOn(like: Node, values: Int32Array, shape: Shape): Node {
  const storage = storeArray(findBackend([like]) ?? getBackend(), 'i32', values);
  trackStorage(storage);
  return graph.buffer(storage, shape);
}

/** The flat positions of what is not 0. */
function truePositions(values: TypedArray): Int32Array {
  const found: number[] = [];
  values.forEach((value, k) => {
    if (value !== 0) found.push(k);
  });
  return Int32Array.from(found);
}

/** The coordinates of flat positions: [positions, axes]. */
function coordinatesOf(flat: Int32Array, shape: Shape): Int32Array {
  const rank = shape.length;
  const result = new Int32Array(flat.length * rank);
  flat.forEach((position, k) => {
    let rest = position;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const n = nth(shape, axis);
      result[k * rank + axis] = rest % n;
      rest = Math.floor(rest / n);
    }
  });
  return result;
}

export interface UniqueOptions {
  /** Whether slices along this axis are compared, instead of all elements. */
  readonly axis?: number;
}

/** The distinct elements, and how the elements are made of them. */
export interface Unique<T> {
  readonly values: T;
  /** For each element, the position of its value among `values`, i32. */
  readonly inverse: T;
  /** How often each value occurs, i32. */
  readonly counts: T;
}

/** Which slice is the first of each distinct one, and to which each slice belongs. */
interface Grouping {
  readonly first: number[];
  readonly inverse: Int32Array;
  readonly counts: number[];
}

/** Compares numbers so that NaN is the largest, as sorting does. */
const compareNumbers = (a: number, b: number): number =>
  Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a < b ? -1 : a > b ? 1 : 0;

/** Groups equal rows of `width` numbers, which are next to each other in `order`. NaN is equal to nothing. */
function groupRows(values: TypedArray, width: number, order: readonly number[]): Grouping {
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Int32Array(order.length);
  const equal = (a: number, b: number): boolean => {
    for (let k = 0; k < width; k++) if (values[a * width + k] !== values[b * width + k]) return false;
    return true;
  };
  order.forEach((row, place) => {
    if (place > 0 && equal(row, nth(order, place - 1))) counts[counts.length - 1] = nth(counts, counts.length - 1) + 1;
    else {
      first.push(row);
      counts.push(1);
    }
    inverse[row] = first.length - 1;
  });
  return { first, inverse, counts };
}

function compareRows(values: TypedArray, width: number, a: number, b: number): number {
  for (let k = 0; k < width; k++) {
    const difference = compareNumbers(nth(values, a * width + k), nth(values, b * width + k));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** A part of an index, as users write it: a mask takes as many axes as it has, an array is a tensor of positions. */
export type IndexItem<T> = IndexPart<T> | readonly number[];

export abstract class SelectableTensor<T extends TensorBase<T>> extends MultipliableTensor<T> {
  // The elements where a mask is true

  /** The elements where the mask (bool, which broadcasts with this tensor) is true, as a vector: PyTorch's x[mask]. */
  async maskedSelect(mask: T): Promise<T> {
    const { source, wide } = this.#masked(mask);
    return this.#chosen(source, await readNode(wide));
  }

  /** The same, blocking. Throws where the backend cannot block. */
  maskedSelectSync(mask: T): T {
    const { source, wide } = this.#masked(mask);
    return this.#chosen(source, readNodeSync(wide));
  }

  #masked(mask: T): { source: Node; wide: Node } {
    const given = nodeOf(mask, 'maskedSelect');
    if (given.dtype !== 'bool')
      throw new TypeError(`maskedSelect: the mask must be bool, got ${given.dtype} ${formatShape(given.shape)}`);
    const [source, wide] = ops.broadcastTensors([this.node, given]) as [Node, Node];
    return { source, wide };
  }

  #chosen(source: Node, values: TypedArray): T {
    const flat = truePositions(values);
    return this.wrap(ops.take(source, positionsOn(source, flat, [flat.length])));
  }

  /** [count, axes], i32: the positions of the elements that are not 0, in row-major order. */
  async nonzero(): Promise<T> {
    return this.#positions(await readNode(this.node));
  }

  /** The same, blocking. Throws where the backend cannot block. */
  nonzeroSync(): T {
    return this.#positions(readNodeSync(this.node));
  }

  /** The same as `nonzero`. */
  argwhere(): Promise<T> {
    return this.nonzero();
  }

  /** The same, blocking. Throws where the backend cannot block. */
  argwhereSync(): T {
    return this.nonzeroSync();
  }

  #positions(values: TypedArray): T {
    const flat = truePositions(values);
    return this.wrap(positionsOn(this.node, coordinatesOf(flat, this.shape), [flat.length, this.ndim]));
  }

  // Distinct elements

  /**
   * The distinct elements in ascending order, [count]; with an axis, the distinct slices, in the order of their elements. NaNs are all
   * distinct. With the position of each element's value among them, and how often each occurs.
   */
  async unique(options: UniqueOptions = {}): Promise<Unique<T>> {
    const rows = this.#rows('unique', options);
    return this.#distinct(rows, await readNode(rows), true, options);
  }

  /** The same, blocking. Throws where the backend cannot block. */
  uniqueSync(options: UniqueOptions = {}): Unique<T> {
    const rows = this.#rows('unique', options);
    return this.#distinct(rows, readNodeSync(rows), true, options);
  }

  /** The elements without those that are equal to the one before, in their order. Otherwise as `unique`. */
  async uniqueConsecutive(options: UniqueOptions = {}): Promise<Unique<T>> {
    const rows = this.#rows('uniqueConsecutive', options);
    return this.#distinct(rows, await readNode(rows), false, options);
  }

  /** The same, blocking. Throws where the backend cannot block. */
  uniqueConsecutiveSync(options: UniqueOptions = {}): Unique<T> {
    const rows = this.#rows('uniqueConsecutive', options);
    return this.#distinct(rows, readNodeSync(rows), false, options);
  }

  /** What is compared as rows of a matrix: the elements, or the slices along an axis. */
  #rows(op: string, { axis }: UniqueOptions): Node {
    if (axis === undefined) return graph.reshape(this.node, [this.size, 1]);
    if (this.ndim === 0) throw new RangeError(`${op}: a scalar has no axis ${axis}`);
    const front = ops.movedim(this.node, axis, 0);
    return graph.reshape(front, [nth(front.shape, 0), sizeOf(front.shape.slice(1))]);
  }

  #distinct(rows: Node, values: TypedArray, sorted: boolean, { axis }: UniqueOptions): Unique<T> {
    const [count, width] = rows.shape as [number, number];
    const order = Array.from({ length: count }, (_, k) => k);
    if (sorted) order.sort((a, b) => compareRows(values, width, a, b) || a - b);
    const { first, inverse, counts } = groupRows(values, width, order);
    const at = (list: ArrayLike<number>, shape: Shape): Node => positionsOn(this.node, Int32Array.from(list), shape);
    const chosen =
      axis === undefined
        ? ops.take(this.node, at(first, [first.length]))
        : ops.indexSelect(this.node, axis, at(first, [first.length]));
    return {
      values: this.wrap(chosen),
      inverse: this.wrap(at(inverse, axis === undefined ? this.shape : [count])),
      counts: this.wrap(at(counts, [counts.length])),
    };
  }

  /**
   * [largest + 1]: how often each whole number from 0 occurs in a vector of them, i32; with `weights`, the sums of the weights at its
   * places. At least `minlength` counts. Negative numbers are an error.
   */
  async bincount(options: { readonly weights?: T; readonly minlength?: number } = {}): Promise<T> {
    return this.#counted(await readNode(this.node), options);
  }

  /** The same, blocking. Throws where the backend cannot block. */
  bincountSync(options: { readonly weights?: T; readonly minlength?: number } = {}): T {
    return this.#counted(readNodeSync(this.node), options);
  }

  #counted(values: TypedArray, { weights, minlength = 0 }: { readonly weights?: T; readonly minlength?: number }): T {
    if (isFloat(this.dtype)) throw new TypeError(`bincount: needs whole numbers, got ${this.dtype}`);
    if (!Number.isInteger(minlength) || minlength < 0)
      throw new RangeError(`bincount: minlength must be a whole number of at least 0, got ${minlength}`);
    let length = minlength;
    for (const value of values) {
      if (value < 0) throw new RangeError(`bincount: needs numbers of at least 0, got ${value}`);
      length = Math.max(length, value + 1);
    }
    return this.wrap(ops.bincount(this.node, length, weights?.node));
  }

  /**
   * Indexing as in PyTorch: x.index(1, '2:', null, '...', idx) is x[1, 2:, None, ..., idx]. Each part is a position (number), a slice (text
   * such as ':', '1:', '-3:-1', '::2', or { start, end, step }), null for a new axis, '...' for all axes that are not named, a tensor of
   * integers, or an array of integers. Tensors broadcast together; their common shape takes the place of the axes that they index, or comes
   * first where these are not next to each other. Negative positions count from the end. A bool tensor indexes as many axes as it has by the
   * positions where it is true: these are read, blocking (where a backend cannot block, use `await mask.nonzero()`).
   */
  index(...parts: readonly IndexItem<T>[]): T {
    let axis = 0;
    const taken = parts.reduce<number>((sum, part) => sum + axesOf(part), 0);
    const nodes = parts.flatMap((part): IndexPart<Node>[] => {
      const before = axis;
      axis += part === '...' ? this.ndim - taken : axesOf(part);
      if (Array.isArray(part)) return [positionsOn(this.node, Int32Array.from(part as number[]), [part.length])];
      if (typeof part !== 'object' || part === null || !('node' in part))
        return [part as number | string | null | SliceRange];
      return part.dtype === 'bool' ? this.#maskPositions(part.node, before) : [part.node];
    });
    return this.wrap(ops.index(this.node, nodes));
  }

  /** For each axis of a mask, the positions along it where the mask is true. */
  #maskPositions(mask: Node, axis: number): Node[] {
    const covered = this.shape.slice(axis, axis + mask.shape.length);
    if (!sameShape(covered, mask.shape))
      throw new RangeError(
        `index: the mask ${formatShape(mask.shape)} does not have the sizes ${formatShape(covered)} of the axes from ${axis} on of ${formatShape(this.shape)}`,
      );
    const flat = truePositions(readMask(mask));
    const coordinates = coordinatesOf(flat, mask.shape);
    const rank = mask.shape.length;
    return mask.shape.map((_, k) =>
      positionsOn(
        mask,
        Int32Array.from({ length: flat.length }, (_, i) => nth(coordinates, i * rank + k)),
        [flat.length],
      ),
    );
  }
}

/** The values of a mask; where a backend cannot block, an error that says what to do. */
function readMask(mask: Node): TypedArray {
  try {
    return readNodeSync(mask);
  } catch (error) {
    if (!(error instanceof CannotBlockError)) throw error;
    throw new CannotBlockError(
      `index: a mask must be read, and ${error.message}. Or index by its positions: const [i, j] = (await mask.nonzero()).unbind(1)`,
    );
  }
}

/** How many axes of the tensor a part of an index takes. */
function axesOf<T extends TensorBase<T>>(part: IndexItem<T>): number {
  if (part === null || part === '...') return 0;
  if (typeof part === 'object' && 'node' in part && part.dtype === 'bool') return part.ndim;
  return 1;
}
