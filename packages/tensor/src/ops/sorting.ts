/** Sorting, and what is read from sorted rows: largest elements, medians, quantiles, places in a sorted sequence. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, sameShape, sizeOf } from '../kernel/shape.ts';
import {
  alongAxis,
  atLeastVector,
  axisBack,
  axisLast,
  axisOf,
  lastRange,
  lastSize,
  overColumns,
  overRows,
  reduceLast,
  rowsOf,
  stored,
} from './along.ts';
import { eq, le, logicalNot, lt, ne, where } from './comparison.ts';
import { add, div, floor, mul, sub } from './elementwise.ts';
import { broadcastTo, commonDtype, constantLike, type Operand } from './operand.ts';
import { orderOfRows, takeFromRows } from './order.ts';

/** Values and where they come from along the axis, i32. */
export interface ValuesAndIndices<T> {
  readonly values: T;
  readonly indices: T;
}

export interface SortOptions {
  readonly descending?: boolean;
  /** Whether equal elements keep their order. They always do: this is for those who want to say so. */
  readonly stable?: boolean;
}

export interface TopkOptions {
  /** Whether the largest elements are chosen, or the smallest. Default: true. */
  readonly largest?: boolean;
  /** Whether the elements are in order. They always are: this is for those who want to say so. */
  readonly sorted?: boolean;
}

export const interpolations = ['linear', 'lower', 'higher', 'nearest', 'midpoint'] as const;

/** How a quantile between two elements is computed. */
export type Interpolation = (typeof interpolations)[number];

/** Positions that sort along `axis`. Equal elements keep their order; NaN counts as the largest. */
export const argsort = (source: Node, axis = -1, { descending = false }: SortOptions = {}): Node =>
  alongAxis(source, axis, 'argsort', (rows) => orderOfRows(rows, descending));

/** The chosen elements of each row: gradients flow to where they were. */
function choose(source: Node, axis: number, op: string, positions: (rows: Node) => Node): ValuesAndIndices<Node> {
  const along = axisOf(source, axis, op);
  const rows = axisLast(atLeastVector(source), along);
  const chosen = positions(rows);
  const back = (node: Node): Node => (source.shape.length === 0 ? graph.reshape(node, []) : axisBack(node, along));
  return { values: back(takeFromRows(stored(rows), stored(chosen))), indices: back(chosen) };
}

export const sort = (source: Node, axis = -1, { descending = false }: SortOptions = {}): ValuesAndIndices<Node> =>
  choose(source, axis, 'sort', (rows) => orderOfRows(rows, descending));

export function topk(source: Node, k: number, axis = -1, { largest = true }: TopkOptions = {}): ValuesAndIndices<Node> {
  const n = lastSize(axisLast(atLeastVector(source), axisOf(source, axis, 'topk')));
  if (!Number.isInteger(k) || k < 0 || k > n)
    throw new RangeError(
      `topk: k = ${k} is not between 0 and ${n}, the size of axis ${axis} of ${formatShape(source.shape)}`,
    );
  if (source.shape.length === 0 && k === 0) throw new RangeError('topk: k = 0 elements of a scalar have no shape');
  return choose(source, axis, 'topk', (rows) => lastRange(orderOfRows(rows, largest), 0, k));
}

/** Drops the axis along which one element was chosen, unless it is kept. */
function single(
  { values, indices }: ValuesAndIndices<Node>,
  source: Node,
  axis: number,
  keepdim: boolean,
): ValuesAndIndices<Node> {
  if (keepdim || source.shape.length === 0) return { values, indices };
  const shape = values.shape.toSpliced(axisOf(source, axis, 'keepdim'), 1);
  return { values: graph.reshape(values, shape), indices: graph.reshape(indices, shape) };
}

function checkNotEmpty(source: Node, axis: number, op: string): void {
  if (source.shape[axisOf(source, axis, op)] === 0)
    throw new RangeError(`${op}: no elements to choose from: axis ${axis} of ${formatShape(source.shape)} has size 0`);
}

export function kthvalue(source: Node, k: number, axis = -1, keepdim = false): ValuesAndIndices<Node> {
  const n = nth(atLeastVector(source).shape, axisOf(source, axis, 'kthvalue'));
  if (!Number.isInteger(k) || k < 1 || k > n)
    throw new RangeError(
      `kthvalue: k = ${k} is not between 1 and ${n}, the size of axis ${axis} of ${formatShape(source.shape)}`,
    );
  const chosen = choose(source, axis, 'kthvalue', (rows) => lastRange(orderOfRows(rows, false), k - 1, k));
  return single(chosen, source, axis, keepdim);
}

/** [..., n] -> [..., 1], i32: how many elements of each row are numbers. */
function countNumbers(rows: Node): Node {
  if (!isFloat(rows.dtype)) return graph.constant(lastSize(rows), [...rowsOf(rows), 1], 'i32');
  return graph.reduce('sum', graph.cast(graph.binary('eq', rows, rows), 'i32'), [rows.shape.length - 1]);
}

/** The place of the lower median in the sorted row. If there are NaNs, the median is the first of them, unless they are left out. */
function medianPlace(rows: Node, withoutNaN: boolean): Node {
  const n = lastSize(rows);
  const count = countNumbers(rows);
  const middle = graph.constant(Math.floor((n - 1) / 2), count.shape, 'i32');
  const all = graph.constant(n, count.shape, 'i32');
  if (!withoutNaN) return graph.where(graph.binary('lt', count, all), count, middle);
  const one = constantLike(1, count);
  // Of no numbers, the first NaN.
  const last = graph.binary('max', sub(count, one), constantLike(0, count));
  return graph.binary('shr', last, one);
}

function medianAlong(
  op: string,
  source: Node,
  axis: number,
  keepdim: boolean,
  withoutNaN: boolean,
): ValuesAndIndices<Node> {
  checkNotEmpty(source, axis, op);
  const chosen = choose(source, axis, op, (rows) =>
    takeFromRows(stored(orderOfRows(rows, false)), medianPlace(rows, withoutNaN)),
  );
  return single(chosen, source, axis, keepdim);
}

/** One element of all: the gradient is shared by all that are equal to it, as in PyTorch. */
function sharedByEqual(name: string, source: Node, value: Node): Node {
  if (!isFloat(source.dtype)) return value;
  return graph.custom(graph.detach(value), [source], {
    name,
    backward: (gradient, [x], y) => {
      const input = x as Node;
      const wide = broadcastTo(y, input.shape);
      const notNumber = (node: Node): Node => logicalNot(graph.binary('eq', node, node));
      const chosen = graph.detach(
        graph.cast(
          graph.binary('or', graph.binary('eq', input, wide), graph.binary('and', notNumber(input), notNumber(wide))),
          input.dtype,
        ),
      );
      const axes = input.shape.map((_, k) => k);
      const count = graph.reshape(graph.reduce('sum', chosen, axes), []);
      return [mul(chosen, broadcastTo(div(gradient, count), input.shape))];
    },
  });
}

function medianOfAll(op: string, source: Node, withoutNaN: boolean): Node {
  const flat = graph.reshape(source, [sizeOf(source.shape)]);
  if (lastSize(flat) === 0) {
    if (!isFloat(source.dtype))
      throw new RangeError(`${op}: no elements to choose from: shape ${formatShape(source.shape)}`);
    return graph.constant(Number.NaN, [], source.dtype);
  }
  return sharedByEqual(op, source, medianAlong(op, flat, 0, false, withoutNaN).values);
}

export const median = (source: Node): Node => medianOfAll('median', source, false);
export const nanmedian = (source: Node): Node => medianOfAll('nanmedian', source, true);
export const medianWithIndices = (source: Node, axis: number, keepdim = false): ValuesAndIndices<Node> =>
  medianAlong('median', source, axis, keepdim, false);
export const nanmedianWithIndices = (source: Node, axis: number, keepdim = false): ValuesAndIndices<Node> =>
  medianAlong('nanmedian', source, axis, keepdim, true);

/** The most frequent value, the smallest of several, and the last position at which it occurs. */
export function mode(source: Node, axis = -1, keepdim = false): ValuesAndIndices<Node> {
  checkNotEmpty(source, axis, 'mode');
  const chosen = choose(source, axis, 'mode', (rows) => {
    const n = lastSize(rows);
    const order = stored(orderOfRows(rows, false));
    const sorted = stored(graph.detach(takeFromRows(stored(rows), order)));
    const equal = eq(overColumns(sorted, n), overRows(sorted, n));
    const count = reduceLast('sum', graph.cast(equal, 'i32'));
    const most = broadcastTo(graph.reduce('max', count, [count.shape.length - 1]), count.shape);
    // The first place with the largest count belongs to the smallest of the most frequent values.
    const place = graph.iota(count.shape, count.shape.length - 1);
    const candidates = where(eq(count, most), sub(n - 1, place), -1);
    const first = sub(n - 1, graph.reduce('max', candidates, [count.shape.length - 1]));
    const length = takeFromRows(stored(count), first);
    return takeFromRows(
      order,
      add(first, graph.binary('max', sub(length, constantLike(1, length)), constantLike(0, length))),
    );
  });
  return single(chosen, source, axis, keepdim);
}

export interface QuantileOptions {
  readonly keepdim?: boolean;
  readonly interpolation?: Interpolation;
}

/** Rounds to the nearest whole number, halves to the even one. */
function roundHalfEven(x: Node): Node {
  const low = floor(x);
  const rest = sub(x, low);
  const isOdd = ne(sub(low, mul(floor(mul(low, 0.5)), 2)), 0);
  const up = graph.binary('or', lt(0.5, rest), graph.binary('and', eq(rest, 0.5), isOdd));
  return where(up, add(low, 1), low);
}

/**
 * The values at places `q * (count - 1)` of each sorted row, interpolated. `q` is a scalar or a vector of numbers between 0 and 1, which
 * becomes the first axis of the result.
 */
function quantileOf(
  op: string,
  source: Node,
  q: Node | number | readonly number[],
  axis: number | undefined,
  { keepdim = false, interpolation = 'linear' }: QuantileOptions,
  withoutNaN: boolean,
): Node {
  if (!isFloat(source.dtype))
    throw new RangeError(
      `${op}: needs floating-point numbers, got ${source.dtype} ${formatShape(source.shape)}; cast first`,
    );
  if (!interpolations.includes(interpolation))
    throw new RangeError(`${op}: interpolation must be ${interpolations.join(', ')}, got '${String(interpolation)}'`);
  const quantiles = quantileNumbers(op, q, source);
  if (quantiles.shape.length > 1)
    throw new RangeError(`${op}: q must be a scalar or a vector, got ${formatShape(quantiles.shape)}`);
  const from = axis === undefined ? graph.reshape(source, [sizeOf(source.shape)]) : atLeastVector(source);
  const along = axis === undefined ? 0 : axisOf(source, axis, op);
  const rows = axisLast(from, along);
  const n = lastSize(rows);
  if (n === 0) throw new RangeError(`${op}: no elements to choose from: shape ${formatShape(source.shape)}`);
  const sorted = stored(takeFromRows(stored(rows), stored(orderOfRows(rows, false))));
  const count = sizeOf(quantiles.shape);
  const shape = [...rowsOf(rows), count];
  const numbers = countNumbers(rows);
  const wide = broadcastTo(graph.reshape(quantiles, [count]), shape);
  const largest = graph.binary('max', sub(numbers, constantLike(1, numbers)), constantLike(0, numbers));
  const exact = mul(
    wide,
    graph.cast(broadcastTo(withoutNaN ? largest : graph.constant(n - 1, numbers.shape, 'i32'), shape), source.dtype),
  );
  // A row with a NaN has NaN for its quantiles: it is the last of the sorted row.
  const hasNaN = lt(broadcastTo(numbers, shape), withoutNaN ? 1 : n);
  const place = where(hasNaN, n - 1, exact, source.dtype);
  const at = (position: Node): Node => takeFromRows(sorted, stored(graph.cast(position, 'i32')));
  const result = interpolate(interpolation, place, at);
  const placed = graph.permute(result, [shape.length - 1, ...rowsOf(result).keys()]);
  return shapeQuantiles(placed, quantiles, source, axis === undefined ? null : along, keepdim);
}

function interpolate(interpolation: Interpolation, place: Node, at: (position: Node) => Node): Node {
  const below = floor(place);
  const above = graph.unary('neg', floor(graph.unary('neg', place)));
  if (interpolation === 'lower') return at(below);
  if (interpolation === 'higher') return at(above);
  if (interpolation === 'nearest') return at(roundHalfEven(place));
  const [low, high] = [at(below), at(above)];
  const weight = interpolation === 'midpoint' ? constantLike(0.5, place) : sub(place, below);
  const difference = sub(high, low);
  // From the nearer end, so that both ends are exact.
  const between = where(lt(weight, 0.5), add(low, mul(weight, difference)), sub(high, mul(difference, sub(1, weight))));
  // Equal ends, which may be infinite: their difference is NaN.
  return where(eq(low, high), low, between);
}

const quantileNumbers = (op: string, q: Node | number | readonly number[], source: Node): Node => {
  if (typeof q !== 'number' && !Array.isArray(q)) return graph.cast(q as Node, source.dtype);
  const list = (typeof q === 'number' ? [q] : q) as readonly number[];
  if (list.some((x) => !(x >= 0 && x <= 1)))
    throw new RangeError(`${op}: q must be between 0 and 1, got ${list.join(', ')}`);
  if (typeof q === 'number') return graph.constant(q, [], source.dtype);
  return graph.concat(
    list.map((x) => graph.constant(x, [1], source.dtype)),
    0,
  );
};

/** [..., count] in front of what was reduced: PyTorch puts the axis of the quantiles first. */
function shapeQuantiles(placed: Node, quantiles: Node, source: Node, along: number | null, keepdim: boolean): Node {
  const rank = source.shape.length;
  const kept = (): number[] =>
    along === null ? source.shape.map(() => 1) : source.shape.map((n, k) => (k === along ? 1 : n));
  const dropped = along === null || rank === 0 ? [] : source.shape.toSpliced(along, 1);
  const rest = keepdim ? kept() : dropped;
  return graph.reshape(placed, [...quantiles.shape, ...rest]);
}

export const quantile = (
  source: Node,
  q: Node | number | readonly number[],
  axis?: number,
  options: QuantileOptions = {},
): Node => quantileOf('quantile', source, q, axis, options, false);

export const nanquantile = (
  source: Node,
  q: Node | number | readonly number[],
  axis?: number,
  options: QuantileOptions = {},
): Node => quantileOf('nanquantile', source, q, axis, options, true);

/**
 * For each value, how many elements of its sorted sequence stand before it: those that are smaller, or (with `right`) not larger. Found
 * by bisection. `sequence`: [n], or [..., n] with the leading sizes of `values`.
 */
export function searchsorted(
  sequence: Node,
  wantedValues: Operand,
  { right = false }: { readonly right?: boolean } = {},
): Node {
  const values =
    typeof wantedValues === 'number'
      ? graph.constant(wantedValues, [], commonDtype([wantedValues, sequence]))
      : wantedValues;
  const common = commonDtype([sequence, values]);
  const dtype = common === 'bool' ? 'i32' : common;
  const shared = sequence.shape.length === 1;
  if (sequence.shape.length === 0)
    throw new RangeError('searchsorted: the sorted sequence is a scalar; it must have at least one axis');
  if (!shared && !sameShape(rowsOf(sequence), rowsOf(values)))
    throw new RangeError(
      `searchsorted: the sequences ${formatShape(sequence.shape)} must be one vector, or agree with the values ${formatShape(values.shape)} except on the last axis`,
    );
  const n = lastSize(sequence);
  const table = stored(graph.reshape(graph.cast(sequence, dtype), [sizeOf(sequence.shape)]));
  const wanted = graph.cast(values, dtype);
  if (n === 0 || sizeOf(values.shape) === 0) return graph.constant(0, values.shape, 'i32');
  const rank = values.shape.length;
  const start = shared ? graph.constant(0, values.shape, 'i32') : rowStarts(values, n, rank);
  let low = graph.constant(0, values.shape, 'i32');
  let high = graph.constant(n, values.shape, 'i32');
  for (let width = n; width >= 1; width = Math.floor(width / 2)) {
    const middle = graph.binary('shr', add(low, high), constantLike(1, low));
    const open = graph.binary('lt', low, high);
    const last = constantLike(n - 1, middle);
    const inside = graph.where(graph.binary('lt', last, middle), last, middle);
    const element = graph.gather(table, add(start, inside), 0);
    const before = right ? logicalNot(lt(wanted, element)) : logicalNot(le(wanted, element));
    const raise = graph.binary('and', open, before);
    low = graph.where(raise, add(middle, 1), low);
    high = graph.where(graph.binary('and', open, logicalNot(before)), middle, high);
  }
  return low;
}

/** i32: where the sequence of each value's row starts. */
function rowStarts(values: Node, n: number, rank: number): Node {
  const rows = sizeOf(rowsOf(values));
  const start = graph.binary('mul', graph.iota([rows, 1], 0), graph.constant(n, [rows, 1], 'i32'));
  return broadcastTo(graph.reshape(start, [...rowsOf(values), 1]), values.shape.slice(0, rank));
}
