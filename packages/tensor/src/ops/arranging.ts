/** Rearranging axes and elements: rolled, rotated, repeated, cut and strided tensors. */

import * as graph from '../graph/graph.ts';
import { checkIndex } from '../graph/index-check.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, normalizeAxis, sizeOf } from '../kernel/shape.ts';
import { atLeastVector, axisOf, stored } from './along.ts';
import type { Axes } from './axes.ts';
import { add } from './elementwise.ts';
import { concat } from './indexing.ts';
import { broadcastTo, type Operand } from './operand.ts';
import { asIndex, fromFront } from './positions.ts';
import { flip, repeat, select, slice, split, transpose } from './shaping.ts';
import { searchsorted } from './sorting.ts';

const listOf = (value: number | readonly number[]): readonly number[] => (typeof value === 'number' ? [value] : value);

/** Every `step`-th element from `start` to before `end` along one axis. */
export function stridedSlice(source: Node, axis: number, start?: number, end?: number, step = 1): Node {
  if (!Number.isInteger(step) || step < 1)
    throw new RangeError(
      `slice: step must be a whole number greater than 0, got ${step}; for the reverse order, flip the axis first`,
    );
  const part = slice(source, axis, start, end);
  if (step === 1) return part;
  const along = normalizeAxis(axis, source.shape.length, 'slice');
  if (part.shape[along] === 0) return part;
  const positions = graph.window(part, [{ axis: along, size: 1, stride: step, dilation: 1 }]);
  return graph.reshape(positions, positions.shape.slice(0, -1));
}

/** `length` elements from `start`, a number or a scalar, along `axis`; a negative start counts from the end. */
export function narrow(source: Node, axis: number, start: Operand, length: number): Node {
  if (source.shape.length === 0) throw new RangeError('narrow: a scalar has no axis to be narrowed');
  const along = normalizeAxis(axis, source.shape.length, 'narrow');
  const n = nth(source.shape, along);
  if (typeof start !== 'number') return narrowFrom(source, along, start, length);
  const from = start < 0 ? start + n : start;
  if (!Number.isInteger(from) || !Number.isInteger(length) || length < 0 || from < 0 || from + length > n)
    throw new RangeError(
      `narrow: start ${start} and length ${length} are outside of axis ${axis} of ${formatShape(source.shape)}`,
    );
  return slice(source, along, from, from + length);
}

/** The start is known when it is computed: the elements are gathered. */
function narrowFrom(source: Node, axis: number, start: Node, length: number): Node {
  const n = nth(source.shape, axis);
  if (sizeOf(start.shape) !== 1)
    throw new RangeError(`narrow: the start must be a number or a scalar, got ${formatShape(start.shape)}`);
  if (!Number.isInteger(length) || length < 0 || length > n)
    throw new RangeError(`narrow: length ${length} is not between 0 and ${n}, the size of axis ${axis}`);
  const from = fromFront('narrow', graph.reshape(start, [1]), n);
  const part = graph.gather(stored(source), add(graph.iota([length], 0), broadcastTo(from, [length])), axis);
  return checkIndex(part, start, { op: 'narrow', low: -n, high: n - length + 1 });
}

/** Moves elements along the axes by `shifts`; those that leave at the end return at the start. Without axes, the flat tensor is moved. */
export function roll(source: Node, shifts: number | readonly number[], axes?: Axes): Node {
  const by = listOf(shifts);
  for (const shift of by)
    if (!Number.isInteger(shift)) throw new RangeError(`roll: shifts must be whole numbers, got ${by.join(', ')}`);
  if (axes === undefined) {
    if (by.length !== 1) throw new RangeError(`roll: ${by.length} shifts need ${by.length} axes, got none`);
    const flat = graph.reshape(source, [source.shape.reduce((a, b) => a * b, 1)]);
    return graph.reshape(rollAxis(flat, 0, nth(by, 0)), source.shape);
  }
  const along = listOf(axes);
  if (along.length !== by.length)
    throw new RangeError(`roll: shifts [${by.join(', ')}] and axes [${along.join(', ')}] must have the same length`);
  return along.reduce((node, axis, k) => {
    return rollAxis(node, normalizeAxis(axis, node.shape.length, 'roll'), nth(by, k));
  }, source);
}

function rollAxis(source: Node, axis: number, shift: number): Node {
  const n = nth(source.shape, axis);
  const by = n === 0 ? 0 : ((shift % n) + n) % n;
  if (by === 0) return source;
  return concat([slice(source, axis, n - by), slice(source, axis, 0, n - by)], axis);
}

/** Rotates by `k` quarter turns from the first of the two axes towards the second. */
export function rot90(source: Node, k = 1, axes: readonly number[] = [0, 1]): Node {
  if (axes.length !== 2) throw new RangeError(`rot90: needs two axes, got [${axes.join(', ')}]`);
  if (source.shape.length < 2)
    throw new RangeError(`rot90: needs at least two dimensions, got ${formatShape(source.shape)}`);
  const [a, b] = [...axes].map((axis) => normalizeAxis(axis, source.shape.length, 'rot90')) as [number, number];
  if (a === b) throw new RangeError(`rot90: the axes [${axes.join(', ')}] must differ`);
  switch (((k % 4) + 4) % 4) {
    case 1:
      return transpose(flip(source, b), a, b);
    case 2:
      return flip(source, [a, b]);
    case 3:
      return transpose(flip(source, a), a, b);
    default:
      return source;
  }
}

/** Axes `from` move to the places `to`; the others keep their order. */
export function movedim(source: Node, from: number | readonly number[], to: number | readonly number[]): Node {
  const rank = source.shape.length;
  const [sources, targets] = [listOf(from), listOf(to)];
  if (sources.length !== targets.length)
    throw new RangeError(`movedim: [${sources.join(', ')}] and [${targets.join(', ')}] must have the same length`);
  if (rank === 0) return source;
  const normalized = (list: readonly number[]): number[] => {
    const axes = list.map((axis) => normalizeAxis(axis, rank, 'movedim'));
    if (new Set(axes).size !== axes.length)
      throw new RangeError(`movedim: axes [${list.join(', ')}] name an axis twice`);
    return axes;
  };
  const [taken, places] = [normalized(sources), normalized(targets)];
  const rest = source.shape.map((_, axis) => axis).filter((axis) => !taken.includes(axis));
  const order = source.shape.map((_, place) => {
    const k = places.indexOf(place);
    return k < 0 ? (rest.shift() as number) : nth(taken, k);
  });
  return graph.permute(source, order);
}

/** The slices along `axis`, without it. */
export const unbind = (source: Node, axis = 0): Node[] => {
  if (source.shape.length === 0) throw new RangeError('unbind: a scalar has no axis');
  const along = normalizeAxis(axis, source.shape.length, 'unbind');
  return Array.from({ length: nth(source.shape, along) }, (_, k) => select(source, along, k));
};

/** `sections` pieces of sizes as equal as possible (the first ones larger), or pieces that are cut at the given positions. */
export function tensorSplit(source: Node, sections: number | readonly number[], axis = 0, op = 'tensorSplit'): Node[] {
  if (source.shape.length === 0) throw new RangeError(`${op}: a scalar has no axis`);
  const along = normalizeAxis(axis, source.shape.length, op);
  const n = nth(source.shape, along);
  if (typeof sections === 'number') {
    if (!Number.isInteger(sections) || sections < 1)
      throw new RangeError(`${op}: the number of sections must be at least 1, got ${sections}`);
    const [size, larger] = [Math.floor(n / sections), n % sections];
    return split(
      source,
      Array.from({ length: sections }, (_, k) => size + (k < larger ? 1 : 0)),
      along,
    );
  }
  return [0, ...sections].map((start, k) => slice(source, along, start, sections[k] ?? n));
}

/** `tensorSplit` along one axis; a number of sections must divide its size. */
export function splitAt(
  op: string,
  source: Node,
  sections: number | readonly number[],
  axis: number,
  rank: number,
): Node[] {
  if (source.shape.length < rank)
    throw new RangeError(`${op}: needs at least ${rank} dimensions, got ${formatShape(source.shape)}`);
  const n = nth(source.shape, axis);
  if (typeof sections === 'number' && n % sections !== 0)
    throw new RangeError(
      `${op}: axis ${axis} of ${formatShape(source.shape)} does not divide into ${sections} equal pieces`,
    );
  return tensorSplit(source, sections, axis, op);
}

/** Like `repeat`, where counts may be missing in front. */
export const tile = (source: Node, counts: readonly number[]): Node =>
  repeat(source, [...new Array<number>(Math.max(0, source.shape.length - counts.length)).fill(1), ...counts]);

/** How often each element of an axis is repeated: all equally, each by its own number, or by a tensor of numbers. */
export type RepeatCounts<T> = number | readonly number[] | T;

/** Each element along `axis` (of the flat tensor, if there is none) is repeated in place. */
export function repeatInterleave(source: Node, counts: RepeatCounts<Node>, axis?: number, outputSize?: number): Node {
  const op = 'repeatInterleave';
  const x =
    axis === undefined ? graph.reshape(source, [source.shape.reduce((a, b) => a * b, 1)]) : atLeastVector(source);
  const along = axis === undefined ? 0 : axisOf(source, axis, op);
  const n = nth(x.shape, along);
  const check = (count: number): void => {
    if (!Number.isInteger(count) || count < 0)
      throw new RangeError(`${op}: counts must be whole numbers of at least 0, got ${count}`);
  };
  if (typeof counts === 'number') {
    check(counts);
    const wide = graph.reshape(x, x.shape.toSpliced(along + 1, 0, 1));
    const repeated = graph.expand(wide, wide.shape.with(along + 1, counts));
    return graph.reshape(repeated, x.shape.with(along, n * counts));
  }
  if (Array.isArray(counts)) {
    const list = counts as readonly number[];
    list.forEach(check);
    if (list.length !== n && list.length !== 1)
      throw new RangeError(
        `${op}: ${list.length} counts for ${n} elements along axis ${along} of ${formatShape(x.shape)}`,
      );
    if (list.length === 1) return repeatInterleave(x, nth(list, 0), along);
    const parts = list.map((count, k) => repeatInterleave(slice(x, along, k, k + 1), count, along));
    return parts.length === 0 ? x : concat(parts, along);
  }
  if (outputSize === undefined)
    throw new RangeError(
      `${op}: with a tensor of counts the size of the result is not known before they are computed; pass outputSize, or the counts as an array`,
    );
  const repeats = asIndex(op, counts as Node);
  const ends = cumulativeEnds(broadcastTo(atLeastVector(repeats), [n], op));
  const index = searchsorted(ends, graph.iota([outputSize], 0), { right: true });
  return graph.gather(stored(x), index, along);
}

/** [n] -> [n]: sums of counts up to each, by comparing all pairs of positions. */
function cumulativeEnds(counts: Node): Node {
  const n = nth(counts.shape, 0);
  const all = graph.expand(graph.reshape(counts, [1, n]), [n, n]);
  const later = graph.binary('lt', graph.iota([n, n], 0), graph.iota([n, n], 1));
  const kept = graph.where(later, graph.constant(0, [n, n], 'i32'), all);
  return graph.reshape(graph.reduce('sum', kept, [1]), [n]);
}

/** At least one, two or three axes, as NumPy adds them: a vector becomes a row, a matrix gets an axis at the end. */
export function atLeast(source: Node, rank: 1 | 2 | 3): Node {
  const { shape } = source;
  if (shape.length >= rank) return source;
  if (shape.length === 0) return graph.reshape(source, new Array<number>(rank).fill(1));
  if (rank === 2) return graph.reshape(source, [1, ...shape]);
  return graph.reshape(source, shape.length === 1 ? [1, ...shape, 1] : [...shape, 1]);
}

/** Pieces of `size` along `axis`, `step` apart, in a new last axis. */
export function unfold(source: Node, axis: number, size: number, step: number): Node {
  const scalar = source.shape.length === 0;
  const along = axisOf(source, axis, 'unfold');
  const x = atLeastVector(source);
  if (!Number.isInteger(size) || size < 0 || size > nth(x.shape, along))
    throw new RangeError(
      `unfold: size ${size} is not between 0 and ${nth(x.shape, along)}, the size of axis ${axis} of ${formatShape(source.shape)}`,
    );
  if (!Number.isInteger(step) || step < 1) throw new RangeError(`unfold: step must be at least 1, got ${step}`);
  if (size === 0) {
    const count = Math.floor(nth(x.shape, along) / step) + 1;
    return graph.constant(0, scalar ? [0] : [...x.shape.with(along, count), 0], source.dtype);
  }
  const result = graph.window(x, [{ axis: along, size, stride: step, dilation: 1 }]);
  return scalar ? graph.reshape(result, [1]) : result;
}

// Diagonals

function twoAxes(op: string, rank: number, first: number, second: number): [number, number] {
  const a = normalizeAxis(first, rank, op);
  const b = normalizeAxis(second, rank, op);
  if (a === b) throw new RangeError(`${op}: the axes ${first} and ${second} must differ`);
  return [a, b];
}

/** The diagonal of two axes, which are dropped, as a new last axis. `offset` above the main diagonal. */
export function diagonal(source: Node, offset = 0, first = 0, second = 1): Node {
  const rank = source.shape.length;
  if (rank < 2) throw new RangeError(`diagonal: needs at least two dimensions, got ${formatShape(source.shape)}`);
  const [a, b] = twoAxes('diagonal', rank, first, second);
  const [rows, columns] = [nth(source.shape, a), nth(source.shape, b)];
  const rest = source.shape.map((_, axis) => axis).filter((axis) => axis !== a && axis !== b);
  const outer = rest.map((axis) => nth(source.shape, axis));
  const count = Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));
  const flat = graph.reshape(graph.permute(source, [...rest, a, b]), [...outer, rows * columns]);
  if (count === 0) return slice(flat, -1, 0, 0);
  // Elements of a diagonal are one row and one column apart.
  const start = offset >= 0 ? offset : -offset * columns;
  return stridedSlice(flat, -1, start, start + (count - 1) * (columns + 1) + 1, columns + 1);
}

/** The last axis on the diagonal of two new axes, 0 elsewhere. */
export function diagEmbed(source: Node, offset = 0, first = -2, second = -1): Node {
  if (source.shape.length === 0) throw new RangeError('diagEmbed: needs at least one axis');
  const rank = source.shape.length + 1;
  const [a, b] = twoAxes('diagEmbed', rank, first, second);
  const n = nth(source.shape, source.shape.length - 1);
  const size = n + Math.abs(offset);
  const square = [...source.shape.slice(0, -1), size, size];
  const row = graph.iota(square, rank - 2);
  const column = graph.iota(square, rank - 1);
  const padded = offset >= 0 ? padEnd(source, 0, offset) : padEnd(source, -offset, 0);
  const wide = graph.expand(graph.reshape(padded, [...padded.shape, 1]), square);
  const on = graph.binary('eq', offset >= 0 ? add(row, offset) : row, offset >= 0 ? column : add(column, -offset));
  const embedded = graph.where(on, wide, graph.constant(0, square, source.dtype));
  return movedim(embedded, [-2, -1], [a, b]);
}

function padEnd(source: Node, before: number, after: number): Node {
  const none = source.shape.slice(0, -1).map(() => 0);
  return graph.pad(source, [...none, before], [...none, after]);
}

/** Of a vector, the square matrix with it on a diagonal; of a matrix, its diagonal. */
export function diag(source: Node, offset = 0): Node {
  if (source.shape.length === 1) return diagEmbed(source, offset);
  if (source.shape.length === 2) return diagonal(source, offset);
  throw new RangeError(`diag: needs a vector or a matrix, got ${formatShape(source.shape)}`);
}

/** All elements on a diagonal of a square matrix. */
export const diagflat = (source: Node, offset = 0): Node =>
  diagEmbed(graph.reshape(source, [source.shape.reduce((a, b) => a * b, 1)]), offset);

/** The row and column positions of a triangle, [2, count], row by row, i32. */
export function triangleIndices(op: string, rows: number, columns: number, offset: number, lower: boolean): Node {
  if (![rows, columns].every((n) => Number.isInteger(n) && n >= 0))
    throw new RangeError(`${op}: sizes must be whole numbers of at least 0, got ${rows} and ${columns}`);
  const clamp = (x: number): number => Math.min(columns, Math.max(0, x));
  const parts: Node[] = [];
  for (let row = 0; row < rows; row++) {
    const [from, to] = lower ? [0, clamp(row + offset + 1)] : [clamp(row + offset), columns];
    if (to <= from) continue;
    const column = add(graph.iota([1, to - from], 1), from);
    parts.push(graph.concat([graph.constant(row, column.shape, 'i32'), column], 0));
  }
  return parts.length === 0 ? graph.constant(0, [2, 0], 'i32') : graph.concat(parts, 1);
}
