/** Views by PyTorch's rules: negative axes, inferred sizes, clamped ranges. None of them computes anything. */

import * as graph from '../graph/graph.ts';
import type { Node, WindowSpec } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../kernel/shape.ts';
import { normalizeAxes } from './axes.ts';
import { where } from './comparison.ts';
import { broadcastTo } from './operand.ts';

/** The same elements in row-major order under another shape. One size may be -1: it is inferred from the others. */
export function reshape(source: Node, shape: Shape): Node {
  const unknown = shape.indexOf(-1);
  if (unknown < 0) return graph.reshape(source, shape);
  const known = sizeOf(shape.filter((_, axis) => axis !== unknown));
  const inferred = sizeOf(source.shape) / known;
  if (shape.indexOf(-1, unknown + 1) >= 0)
    throw new RangeError(`reshape: only one size may be -1, got ${formatShape(shape)}`);
  if (!Number.isInteger(inferred))
    throw new RangeError(
      `reshape: the ${sizeOf(source.shape)} elements of ${formatShape(source.shape)} do not fit ${formatShape(shape)}`,
    );
  return graph.reshape(
    source,
    shape.map((n) => (n === -1 ? inferred : n)),
  );
}

export const permute = (source: Node, axes: readonly number[]): Node =>
  graph.permute(
    source,
    axes.map((axis) => normalizeAxis(axis, source.shape.length, 'permute')),
  );

/** Swaps two axes. A scalar counts as a vector. */
export function transpose(source: Node, a: number, b: number): Node {
  const rank = source.shape.length;
  if (rank === 0 && [a, b].every((axis) => axis === 0 || axis === -1)) return source;
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const x = normalizeAxis(a, rank, 'transpose');
  const y = normalizeAxis(b, rank, 'transpose');
  axes[x] = y;
  axes[y] = x;
  return graph.permute(source, axes);
}

/** Sizes of 1 grow, axes may be added in front, -1 keeps a size. */
export function expand(source: Node, shape: Shape): Node {
  const extra = shape.length - source.shape.length;
  const sizes = shape.map((n, axis) => (n === -1 ? (source.shape[axis - extra] ?? -1) : n));
  if (sizes.includes(-1))
    throw new RangeError(
      `expand: -1 in ${formatShape(shape)} keeps a size, but ${formatShape(source.shape)} has none there`,
    );
  return broadcastTo(source, sizes, 'expand');
}

/** Drops axes of size 1: all of them, or those named. Axes of other sizes are kept. */
export function squeeze(source: Node, axes?: number | readonly number[]): Node {
  const chosen = normalizeAxes(axes, source.shape.length, 'squeeze');
  return graph.reshape(
    source,
    source.shape.filter((n, axis) => n !== 1 || !chosen.includes(axis)),
  );
}

/** A new axis of size 1, which will be number `axis` of the result. */
export function unsqueeze(source: Node, axis: number): Node {
  const at = normalizeAxis(axis, source.shape.length + 1, 'unsqueeze');
  return graph.reshape(source, source.shape.toSpliced(at, 0, 1));
}

/** Axes `start` to `end`, both included, become one. */
export function flatten(source: Node, start: number, end: number): Node {
  const rank = source.shape.length;
  if (rank === 0) return graph.reshape(source, [1]);
  const from = normalizeAxis(start, rank, 'flatten');
  const to = normalizeAxis(end, rank, 'flatten');
  if (from > to) throw new RangeError(`flatten: axis ${start} comes after axis ${end} in ${formatShape(source.shape)}`);
  const joined = sizeOf(source.shape.slice(from, to + 1));
  return graph.reshape(source, source.shape.toSpliced(from, to - from + 1, joined));
}

/** One axis becomes several; one of their sizes may be -1. */
export function unflatten(source: Node, axis: number, sizes: Shape): Node {
  const at = normalizeAxis(axis, source.shape.length, 'unflatten');
  const n = nth(source.shape, at);
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const inferred = sizes.map((size) => (size === -1 ? n / known : size));
  if (sizes.filter((size) => size === -1).length > 1 || sizeOf(inferred) !== n || !inferred.every(Number.isInteger))
    throw new RangeError(
      `unflatten: axis ${axis} of ${formatShape(source.shape)} does not split into ${formatShape(sizes)}`,
    );
  return graph.reshape(source, source.shape.toSpliced(at, 1, ...inferred));
}

/** `pairs[k]`: how many elements of `value` go before and after axis k. */
export function pad(source: Node, pairs: readonly (readonly [before: number, after: number])[], value = 0): Node {
  if (pairs.length !== source.shape.length)
    throw new RangeError(
      `pad: ${formatShape(source.shape)} needs ${source.shape.length} pairs [before, after], got ${pairs.length}`,
    );
  const before = pairs.map((pair) => pair[0]);
  const after = pairs.map((pair) => pair[1]);
  const padded = graph.pad(source, before, after);
  if (value === 0 || padded === source) return padded;
  const inside = graph.pad(graph.constant(1, source.shape, 'bool'), before, after);
  return where(inside, padded, value, source.dtype);
}

/** From `start` to before `end` along one axis. As in Python, negative positions count from the end, and both are clamped. */
export function slice(source: Node, axis: number, start = 0, end = Number.POSITIVE_INFINITY): Node {
  const along = normalizeAxis(axis, source.shape.length, 'slice');
  const n = nth(source.shape, along);
  const clamped = (position: number): number => Math.min(n, Math.max(0, position < 0 ? position + n : position));
  const from = clamped(start);
  const to = Math.max(from, clamped(end));
  return graph.shrink(
    source,
    source.shape.map((_, k) => (k === along ? from : 0)),
    source.shape.map((size, k) => (k === along ? to : size)),
  );
}

/** The slice at `index` along `axis`, without that axis. */
export function select(source: Node, axis: number, index: number): Node {
  const along = normalizeAxis(axis, source.shape.length, 'select');
  const n = nth(source.shape, along);
  const at = index < 0 ? index + n : index;
  if (!Number.isInteger(at) || at < 0 || at >= n)
    throw new RangeError(`select: index ${index} is out of range for axis ${axis} of ${formatShape(source.shape)}`);
  return graph.reshape(slice(source, along, at, at + 1), source.shape.toSpliced(along, 1));
}

/** The elements in reverse order along `axes`. */
export function flip(source: Node, axes: number | readonly number[]): Node {
  const rank = source.shape.length;
  if (rank === 0 && [axes].flat().length > 0) throw new RangeError('flip: a scalar has no axis to reverse');
  return graph.flip(source, normalizeAxes(axes, rank, 'flip'));
}

/** Pieces of the given sizes along `axis`. A single number is the size of all pieces; the last may be smaller. */
export function split(source: Node, sizes: number | readonly number[], axis: number): Node[] {
  const along = normalizeAxis(axis, source.shape.length, 'split');
  const n = nth(source.shape, along);
  if (typeof sizes === 'number') {
    if (!Number.isInteger(sizes) || sizes < 1) throw new RangeError(`split: the size must be at least 1, got ${sizes}`);
    const pieces = Math.max(1, Math.ceil(n / sizes));
    return Array.from({ length: pieces }, (_, k) => slice(source, along, k * sizes, (k + 1) * sizes));
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== n)
    throw new RangeError(
      `split: sizes ${formatShape(sizes)} sum to ${total}, axis ${axis} of ${formatShape(source.shape)} has ${n}`,
    );
  let start = 0;
  return sizes.map((size) => {
    const piece = slice(source, along, start, start + size);
    start += size;
    return piece;
  });
}

/** At most `count` pieces of equal size along `axis`; the last may be smaller. */
export function chunk(source: Node, count: number, axis: number): Node[] {
  if (!Number.isInteger(count) || count < 1) throw new RangeError(`chunk: the count must be at least 1, got ${count}`);
  const n = nth(source.shape, normalizeAxis(axis, source.shape.length, 'chunk'));
  // As in PyTorch, nothing makes `count` pieces of nothing.
  if (n === 0) return Array.from({ length: count }, () => source);
  return split(source, Math.max(1, Math.ceil(n / count)), axis);
}

/** Repeats the tensor `counts[k]` times along axis k; axes may be added in front. */
export function repeat(source: Node, counts: readonly number[]): Node {
  const extra = counts.length - source.shape.length;
  if (extra < 0)
    throw new RangeError(
      `repeat: ${formatShape(counts)} has fewer counts than ${formatShape(source.shape)} has dimensions`,
    );
  const shape = [...new Array<number>(extra).fill(1), ...source.shape];
  const separated = graph.reshape(
    source,
    shape.flatMap((n) => [1, n]),
  );
  const repeated = graph.expand(
    separated,
    shape.flatMap((n, axis) => [nth(counts, axis), n]),
  );
  return graph.reshape(
    repeated,
    shape.map((n, axis) => n * nth(counts, axis)),
  );
}

/** A windowed axis. `stride` and `dilation` are 1 by default. */
export interface Window {
  readonly axis: number;
  readonly size: number;
  readonly stride?: number;
  readonly dilation?: number;
}

/** Sliding windows: each windowed axis becomes the number of positions; the window axes are appended in the order of `windows`. */
export const window = (source: Node, windows: readonly Window[]): Node =>
  graph.window(
    source,
    windows.map(
      ({ axis, size, stride = 1, dilation = 1 }): WindowSpec => ({
        axis: normalizeAxis(axis, source.shape.length, 'window'),
        size,
        stride,
        dilation,
      }),
    ),
  );
