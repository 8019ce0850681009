/**
 * Writing elements to computed positions: new tensors with some elements added to, replaced or combined. Where several values go to one
 * position, sums have the order of the values, and of replacements the last one wins.
 */

import * as graph from '../graph/graph.ts';
import { checkIndex } from '../graph/index-check.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../kernel/shape.ts';
import { atLeastVector, axisBack, axisLast, axisOf, lastSize, overRows, reduceLast, rowsOf, stored } from './along.ts';
import { eq, logicalNot, lt, where } from './comparison.ts';
import { add, div, mul } from './elementwise.ts';
import { floorDivide } from './integer.ts';
import { broadcastTo, type Operand } from './operand.ts';
import { takeFromRows } from './order.ts';
import { asIndex, flatPositions, fromFront } from './positions.ts';
import { cumsum, multiplyRows } from './scanning.ts';

export const scatterReductions = ['sum', 'prod', 'mean', 'amax', 'amin'] as const;

/** How several values at one position are combined. */
export type ScatterReduction = (typeof scatterReductions)[number];

const flatten = (node: Node): Node => graph.reshape(node, [sizeOf(node.shape)]);

/** Values of one dtype as another that `scatterAdd` sums. */
const summable = (node: Node): Node => (node.dtype === 'bool' || node.dtype === 'u8' ? graph.cast(node, 'i32') : node);

/** The sums of the values that go to each of `size` flat positions, in a tensor of `shape`. */
const sumAt = (values: Node, positions: Node, shape: Shape): Node =>
  graph.reshape(graph.scatterAdd(flatten(values), flatten(positions), 0, sizeOf(shape)), shape);

/** Whether any value goes to each position. Counted in f32, which every backend sums. */
const hits = (positions: Node, shape: Shape): Node =>
  graph.cast(sumAt(graph.constant(1, positions.shape), positions, shape), 'bool');

interface Scattered {
  readonly positions: Positions;
  readonly source: Node;
  readonly index: Node;
  readonly along: number;
  /** The values, of the shape of the index. */
  readonly values: Node;
}

/** Checks shapes by PyTorch's rules: `index` is nowhere larger than `values`, nor than `source` except along the axis. */
function prepare(op: string, source: Node, axis: number, index: Node, values: Operand): Scattered {
  const along = axisOf(source, axis, op);
  const [x, at] = [atLeastVector(source), atLeastVector(asIndex(op, index))];
  const fits = at.shape.length === x.shape.length && at.shape.every((n, k) => k === along || n <= nth(x.shape, k));
  if (!fits && sizeOf(at.shape) > 0)
    throw new RangeError(
      `${op}: index ${formatShape(index.shape)} must have the axes of ${formatShape(source.shape)}, and be nowhere larger except on axis ${axis}`,
    );
  const positions = { op, index, size: nth(x.shape, along) };
  if (typeof values === 'number')
    return { positions, source: x, index: at, along, values: graph.constant(values, at.shape, x.dtype) };
  const from = atLeastVector(values);
  if (from.dtype !== x.dtype)
    throw new TypeError(`${op}: the values are ${from.dtype}, the tensor is ${x.dtype}; cast one of them`);
  if (from.shape.length !== at.shape.length || at.shape.some((n, k) => n > nth(from.shape, k)))
    throw new RangeError(
      `${op}: index ${formatShape(index.shape)} must be nowhere larger than the values ${formatShape(values.shape)}`,
    );
  return {
    positions,
    source: x,
    index: at,
    along,
    values: graph.shrink(
      from,
      at.shape.map(() => 0),
      at.shape,
    ),
  };
}

/** Positions along an axis of `size`. */
interface Positions {
  readonly op: string;
  readonly index: Node;
  readonly size: number;
  /** Whether negative positions count from the end. */
  readonly wraps?: boolean;
}

/** The result in the form of the source. It checks the positions that it was computed from. */
function finish(result: Node, source: Node, { op, index, size, wraps = false }: Positions): Node {
  checkIndex(result, index, { op, low: wraps ? -size : 0, high: size });
  return graph.reshape(graph.cast(result, source.dtype), source.shape);
}

export function scatterAdd(source: Node, axis: number, index: Node, values: Node): Node {
  const { positions, source: x, index: at, along, values: from } = prepare('scatterAdd', source, axis, index, values);
  if (sizeOf(at.shape) === 0) return source;
  const sums = sumAt(summable(from), flatPositions(at, x.shape, along), x.shape);
  return finish(add(summable(x), sums), source, positions);
}

/** With up to this many pairs of a value and a position, all pairs are compared; the work of more grows with the logarithm. */
const comparedPairs = 1 << 22;

/**
 * [..., m] positions -> [..., size], i32: the last value that goes to each place, -1 for none. Many values: the bits of the last one's
 * number are found from the highest to the lowest, by whether any value that is still in question has the bit.
 */
function lastWriters(index: Node, size: number): Node {
  const rows = rowsOf(index);
  const m = lastSize(index);
  const shape = [...rows, size];
  if (sizeOf(shape) * m <= comparedPairs) {
    const all = overRows(stored(index), size);
    const rank = all.shape.length;
    const here = graph.binary('eq', all, graph.iota(all.shape, rank - 2));
    return reduceLast('max', graph.where(here, graph.iota(all.shape, rank - 1), graph.constant(-1, all.shape, 'i32')));
  }
  const flat = flatPositions(stored(index), shape, rows.length);
  const number = graph.iota(index.shape, rows.length);
  const bitOf = (bit: number): Node =>
    graph.cast(graph.binary('and', number, graph.constant(2 ** bit, number.shape, 'i32')), 'bool');
  let open: Node = graph.constant(1, index.shape, 'bool');
  let writers = graph.where(hits(flat, shape), graph.constant(0, shape, 'i32'), graph.constant(-1, shape, 'i32'));
  for (let bit = Math.ceil(Math.log2(m)) - 1; bit >= 0; bit--) {
    const has = graph.cast(sumAt(graph.cast(graph.binary('and', open, bitOf(bit)), 'f32'), flat, shape), 'bool');
    const here = graph.reshape(graph.gather(flatten(graph.cast(has, 'i32')), flatten(flat), 0), index.shape);
    open = graph.binary('and', open, graph.binary('or', bitOf(bit), logicalNot(here)));
    writers = graph.where(has, add(writers, 2 ** bit), writers);
  }
  return stored(writers);
}

/** Grows all axes but the last to those of `shape`, with `value` in what is new. */
function padRows(node: Node, shape: Shape, value: number): Node {
  const after = node.shape.map((n, k) => (k === node.shape.length - 1 ? 0 : nth(shape, k) - n));
  if (after.every((n) => n === 0)) return node;
  const none = after.map(() => 0);
  const inside = graph.pad(graph.constant(1, node.shape, 'bool'), none, after);
  const padded = graph.pad(node, none, after);
  return graph.where(inside, padded, graph.constant(value, padded.shape, node.dtype));
}

export function scatter(source: Node, axis: number, index: Node, values: Operand): Node {
  const { positions, source: x, index: at, along, values: from } = prepare('scatter', source, axis, index, values);
  if (sizeOf(at.shape) === 0) return source;
  if (typeof values === 'number') {
    const hit = hits(flatPositions(at, x.shape, along), x.shape);
    return finish(graph.where(hit, graph.constant(values, x.shape, x.dtype), x), source, positions);
  }
  const rows = axisLast(at, along);
  const target = axisLast(x, along);
  const writers = lastWriters(rows, lastSize(target));
  const hit = logicalNot(lt(writers, 0));
  const chosen = takeFromRows(
    stored(axisLast(from, along)),
    graph.where(hit, writers, graph.constant(0, writers.shape, 'i32')),
  );
  const replaced = graph.where(padRows(hit, target.shape, 0), padRows(chosen, target.shape, 0), target);
  return finish(axisBack(replaced, along), source, positions);
}

export interface ScatterReduceOptions {
  /** Whether the elements that are already there take part. Default: true. */
  readonly includeSelf?: boolean;
}

export function scatterReduce(
  source: Node,
  axis: number,
  index: Node,
  values: Node,
  reduction: ScatterReduction,
  { includeSelf = true }: ScatterReduceOptions = {},
): Node {
  if (!scatterReductions.includes(reduction))
    throw new RangeError(
      `scatterReduce: the reduction must be ${scatterReductions.join(', ')}, got '${String(reduction)}'`,
    );
  const scattered = prepare('scatterReduce', source, axis, index, values);
  const { source: x, index: at, along, values: from } = scattered;
  if (sizeOf(at.shape) === 0) return source;
  const finished = (result: Node): Node => finish(result, source, scattered.positions);
  const positions = stored(flatPositions(at, x.shape, along));
  if (reduction === 'sum' || reduction === 'mean') {
    const hit = hits(positions, x.shape);
    const own = includeSelf
      ? summable(x)
      : graph.where(hit, graph.constant(0, x.shape, summable(x).dtype), summable(x));
    const total = add(own, sumAt(summable(from), positions, x.shape));
    if (reduction === 'sum') return finished(total);
    const count = sumAt(graph.constant(1, at.shape), positions, x.shape);
    const divisor = includeSelf ? add(count, 1) : graph.binary('max', count, graph.constant(1, count.shape));
    if (isFloat(x.dtype)) return finished(div(total, graph.cast(divisor, x.dtype)));
    return finished(floorDivide(total, graph.cast(divisor, 'i32')));
  }
  if (reduction === 'prod') return finished(scatteredProduct(scattered, includeSelf));
  return finished(scatteredMaximum(scattered, positions, reduction === 'amin', includeSelf));
}

/** [..., size, m]: for each place, the values that go to it, and `other` instead of those that do not. */
function valuesByPlace({ index, along, values }: Scattered, size: number, other: number): Node {
  const all = overRows(stored(axisLast(index, along)), size);
  const here = graph.binary('eq', all, graph.iota(all.shape, all.shape.length - 2));
  const spread = overRows(stored(summable(axisLast(values, along))), size);
  return graph.where(here, spread, graph.constant(other, spread.shape, spread.dtype));
}

function scatteredProduct(scattered: Scattered, includeSelf: boolean): Node {
  const { source, index, along } = scattered;
  const target = axisLast(summable(source), along);
  const factors = valuesByPlace(scattered, lastSize(target), 1);
  const product = graph.reshape(multiplyRows(graph.materialize(factors)), rowsOf(factors));
  const padded = padRows(product, target.shape, 1);
  if (includeSelf) return axisBack(mul(target, padded), along);
  const hit = axisLast(hits(flatPositions(index, source.shape, along), source.shape), along);
  return axisBack(graph.where(hit, padded, target), along);
}

/**
 * The largest (or smallest) of the values at each place. Its gradient is shared by all elements that are equal to it, the one that was
 * there included, as in PyTorch.
 */
function scatteredMaximum(scattered: Scattered, positions: Node, smallest: boolean, includeSelf: boolean): Node {
  const { source, index, along, values } = scattered;
  const turn = (node: Node): Node => {
    if (!smallest) return summable(node);
    const wide = summable(node);
    return isFloat(wide.dtype)
      ? graph.unary('neg', wide)
      : graph.binary('xor', wide, graph.constant(-1, wide.shape, wide.dtype));
  };
  const target = axisLast(turn(source), along);
  const none = isFloat(source.dtype) ? Number.NEGATIVE_INFINITY : -(2 ** 31);
  const candidates = valuesByPlace({ ...scattered, values: turn(values) }, lastSize(target), none);
  const largest = padRows(reduceLast('max', candidates), target.shape, none);
  const hit = hits(positions, source.shape);
  const joined = graph.binary('max', target, largest);
  const all = includeSelf ? joined : graph.where(axisLast(hit, along), largest, target);
  const turned = turn(axisBack(all, along));
  if (!isFloat(source.dtype)) return turned;
  const result = graph.detach(graph.cast(turned, source.dtype));
  return graph.custom(result, [source, values, index], {
    name: smallest ? 'scatterReduce amin' : 'scatterReduce amax',
    backward: (gradient, inputs, y) => {
      const [own, given, places] = inputs as [Node, Node, Node];
      const at = flatPositions(places, own.shape, along);
      const take = (node: Node): Node => graph.reshape(graph.gather(flatten(node), flatten(at), 0), places.shape);
      const alone = includeSelf ? graph.binary('eq', own, y) : logicalNot(hits(at, own.shape));
      const ownShare = graph.detach(graph.cast(alone, own.dtype));
      const share = graph.detach(graph.cast(eq(given, take(y)), own.dtype));
      const count = graph.detach(add(ownShare, sumAt(share, at, own.shape)));
      const one = graph.constant(1, count.shape, count.dtype);
      const each = div(gradient, graph.where(eq(count, 0), one, count));
      return [mul(ownShare, each), mul(share, take(each)), null];
    },
  });
}

// By a vector of positions along one axis

function vectorOfPositions(op: string, source: Node, axis: number, index: Node): { along: number; at: Node } {
  const along = axisOf(source, axis, op);
  const at = asIndex(op, index);
  if (at.shape.length > 1) throw new RangeError(`${op}: the index must be a vector, got ${formatShape(index.shape)}`);
  return { along, at: atLeastVector(at) };
}

/** Checks that `values` has one slice for each position. */
function checkSlices(op: string, source: Node, along: number, at: Node, values: Node): Node {
  const wide = source.shape.length === 1 ? atLeastVector(values) : values;
  if (!sameShape(wide.shape, source.shape.with(along, lastSize(at))))
    throw new RangeError(
      `${op}: ${lastSize(at)} positions along axis ${along} of ${formatShape(source.shape)} need values of shape ${formatShape(source.shape.with(along, lastSize(at)))}, got ${formatShape(values.shape)}`,
    );
  if (values.dtype !== source.dtype)
    throw new TypeError(`${op}: the values are ${values.dtype}, the tensor is ${source.dtype}; cast one of them`);
  return wide;
}

export function indexAdd(
  source: Node,
  axis: number,
  index: Node,
  values: Node,
  { alpha = 1 }: { readonly alpha?: number } = {},
): Node {
  const { along, at } = vectorOfPositions('indexAdd', source, axis, index);
  const x = atLeastVector(source);
  const from = checkSlices('indexAdd', x, along, at, values);
  const scaledValues = alpha === 1 ? summable(from) : mul(summable(from), alpha);
  const sums = graph.scatterAdd(scaledValues, at, along, nth(x.shape, along));
  return finish(add(summable(x), sums), source, { op: 'indexAdd', index, size: nth(x.shape, along) });
}

export function indexCopy(source: Node, axis: number, index: Node, values: Node): Node {
  const { along, at } = vectorOfPositions('indexCopy', source, axis, index);
  const x = atLeastVector(source);
  const from = checkSlices('indexCopy', x, along, at, values);
  if (lastSize(at) === 0) return source;
  const n = nth(x.shape, along);
  const writers = stored(lastWriters(at, n));
  const hit = logicalNot(lt(writers, 0));
  const chosen = graph.gather(stored(from), graph.where(hit, writers, graph.constant(0, writers.shape, 'i32')), along);
  const shape = x.shape.map((size, k) => (k === along ? size : 1));
  return finish(graph.where(broadcastTo(graph.reshape(hit, shape), x.shape), chosen, x), source, {
    op: 'indexCopy',
    index,
    size: n,
  });
}

export function indexFill(source: Node, axis: number, index: Node, value: Operand): Node {
  const { along, at } = vectorOfPositions('indexFill', source, axis, index);
  const x = atLeastVector(source);
  const n = nth(x.shape, along);
  const shape = x.shape.map((size, k) => (k === along ? size : 1));
  const hit = graph.reshape(hits(fromFront('indexFill', at, n), [n]), shape);
  return finish(where(hit, value, x, x.dtype), source, { op: 'indexFill', index, size: n, wraps: true });
}

export function maskedFill(source: Node, mask: Node, value: Operand): Node {
  if (mask.dtype !== 'bool')
    throw new TypeError(`maskedFill: the mask must be bool, got ${mask.dtype} ${formatShape(mask.shape)}`);
  if (typeof value !== 'number' && value.shape.length > 0)
    throw new RangeError(`maskedFill: the value must be a number or a scalar, got ${formatShape(value.shape)}`);
  return where(mask, value, source, source.dtype);
}

/** Elements of `values`, in order, where the mask is true. */
export function maskedScatter(source: Node, mask: Node, values: Node): Node {
  if (mask.dtype !== 'bool')
    throw new TypeError(`maskedScatter: the mask must be bool, got ${mask.dtype} ${formatShape(mask.shape)}`);
  if (values.dtype !== source.dtype)
    throw new TypeError(
      `maskedScatter: the values are ${values.dtype}, the tensor is ${source.dtype}; cast one of them`,
    );
  const shape = where(mask, source, source).shape;
  const wide = broadcastTo(mask, shape);
  const number = add(cumsum(flatten(graph.cast(wide, 'i32')), 0), -1);
  const safe = graph.binary('max', number, graph.constant(0, number.shape, 'i32'));
  if (sizeOf(values.shape) === 0) return broadcastTo(source, shape);
  const chosen = graph.reshape(graph.gather(flatten(stored(values)), safe, 0), shape);
  return graph.where(wide, chosen, broadcastTo(source, shape));
}

/** Values at flat positions along the first axis: [size, ...rest], [m], [m, ...rest] -> [size, ...rest]. */
export function putRows(table: Node, positions: Node, values: Node, accumulate: boolean): Node {
  const size = nth(table.shape, 0);
  if (lastSize(positions) === 0) return table;
  if (accumulate)
    return graph.cast(add(summable(table), graph.scatterAdd(summable(values), positions, 0, size)), table.dtype);
  const writers = stored(lastWriters(positions, size));
  const hit = logicalNot(lt(writers, 0));
  const chosen = graph.gather(stored(values), graph.where(hit, writers, graph.constant(0, writers.shape, 'i32')), 0);
  const shape = table.shape.map((n, k) => (k === 0 ? n : 1));
  return graph.where(broadcastTo(graph.reshape(hit, shape), table.shape), chosen, table);
}
