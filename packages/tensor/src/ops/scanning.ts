/**
 * Sums, products and maxima of everything up to each element. A short row is computed at once: each element reads all up to it, which is
 * one kernel. A longer row is cut into blocks: the totals of the blocks are accumulated in the same way, and joined to the elements of
 * the next block. Masked elements are replaced, never multiplied by 0, because 0 times infinity is NaN.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { sizeOf } from '../kernel/shape.ts';
import {
  alongAxis,
  atLeastVector,
  axisBack,
  axisLast,
  axisOf,
  lastAt,
  lastRange,
  lastSize,
  overColumns,
  overRows,
  padLast,
  reduceLast,
  rowsOf,
  stored,
} from './along.ts';
import { inSingle } from './autocast.ts';
import { eq, logicalNot, ne } from './comparison.ts';
import { add, exp, log, mul, sub } from './elementwise.ts';
import { floating } from './operand.ts';
import { takeFromRows } from './order.ts';
import type { ValuesAndIndices } from './sorting.ts';

/** Rows of up to this many elements are computed at once; longer ones are cut into blocks. */
const shortRow = 64;
const blockSize = 32;

/** How values up to an element are joined. */
interface Accumulation {
  /** [..., n] -> [..., n], for short rows. */
  readonly within: (rows: Node) => Node;
  readonly join: (before: Node, own: Node) => Node;
  /** What joins without effect. */
  readonly start: number;
}

function accumulate(rows: Node, accumulation: Accumulation): Node {
  const { within, join, start } = accumulation;
  const n = lastSize(rows);
  if (n <= 1 || sizeOf(rows.shape) === 0) return rows;
  if (n <= shortRow) return within(stored(rows));
  const blocks = Math.ceil(n / blockSize);
  const cut = graph.reshape(padLast(rows, 0, blocks * blockSize - n, start), [...rowsOf(rows), blocks, blockSize]);
  const own = graph.materialize(within(stored(cut)));
  const totals = accumulate(lastAt(own, blockSize - 1), accumulation);
  const before = padLast(lastRange(totals, 0, blocks - 1), 1, 0, start);
  const joined = join(overColumns(before, blockSize), own);
  return lastRange(graph.reshape(joined, [...rowsOf(rows), blocks * blockSize]), 0, n);
}

/** [..., n] -> [..., n, n]: row i has the elements up to i, and `start` after it. */
function prefixes(rows: Node, start: number): Node {
  const n = lastSize(rows);
  const all = overRows(rows, n);
  const rank = all.shape.length;
  const later = graph.binary('lt', graph.iota(all.shape, rank - 2), graph.iota(all.shape, rank - 1));
  return graph.where(later, graph.constant(start, all.shape, all.dtype), all);
}

const sums: Accumulation = {
  within: (rows) => reduceLast('sum', prefixes(rows, 0)),
  join: add,
  start: 0,
};

/** Products by doubling: after step k, each element is the product of 2^k elements. No element is divided out again, so zeros are exact. */
const products: Accumulation = {
  within: (rows) => {
    const n = lastSize(rows);
    let result = rows;
    for (let distance = 1; distance < n; distance *= 2)
      result = graph.materialize(mul(result, padLast(lastRange(result, 0, n - distance), distance, 0, 1)));
    return result;
  },
  join: mul,
  start: 1,
};

const lowest = (node: Node): number => (isFloat(node.dtype) ? Number.NEGATIVE_INFINITY : -(2 ** 31));

const maxima = (like: Node): Accumulation => ({
  within: (rows) => reduceLast('max', prefixes(rows, lowest(rows))),
  join: (before, own) => graph.binary('max', before, own),
  start: lowest(like),
});

/** Infinite maxima are not subtracted: infinity minus itself would be NaN. */
function finite(largest: Node): Node {
  const infinite = graph.binary(
    'eq',
    graph.binary('max', largest, graph.unary('neg', largest)),
    graph.constant(Number.POSITIVE_INFINITY, largest.shape, largest.dtype),
  );
  return graph.detach(graph.where(infinite, graph.constant(0, largest.shape, largest.dtype), largest));
}

const logarithms: Accumulation = {
  within: (rows) => {
    const all = prefixes(rows, Number.NEGATIVE_INFINITY);
    const offset = finite(graph.reduce('max', all, [all.shape.length - 1]));
    const total = reduceLast('sum', exp(sub(all, offset)));
    return add(log(total), graph.reshape(offset, total.shape));
  },
  join: (before, own) => {
    const offset = finite(graph.binary('max', before, own));
    return add(log(add(exp(sub(before, offset)), exp(sub(own, offset)))), offset);
  },
  start: Number.NEGATIVE_INFINITY,
};

/** bool and u8 are accumulated as i32. */
const countable = (source: Node): Node =>
  source.dtype === 'bool' || source.dtype === 'u8' ? graph.cast(source, 'i32') : source;

export const cumsum = (source: Node, axis: number): Node =>
  inSingle(countable(source), (x) => alongAxis(x, axis, 'cumsum', (rows) => accumulate(rows, sums)));

export const cumprod = (source: Node, axis: number): Node =>
  inSingle(countable(source), (x) => alongAxis(x, axis, 'cumprod', (rows) => accumulate(rows, products)));

export const logcumsumexp = (source: Node, axis: number): Node =>
  inSingle(floating(source), (x) => alongAxis(x, axis, 'logcumsumexp', (rows) => accumulate(rows, logarithms)));

/** The largest value up to each element, and the last position at which it was reached. NaN stays from its first occurrence. */
function running(op: string, source: Node, axis: number, smallest: boolean): ValuesAndIndices<Node> {
  const along = axisOf(source, axis, op);
  const rows = stored(axisLast(atLeastVector(source), along));
  const wide = rows.dtype === 'bool' || rows.dtype === 'u8' ? graph.cast(rows, 'i32') : rows;
  const keys = graph.detach(smallest ? reversed(wide) : wide);
  const largest = stored(accumulate(keys, maxima(keys)));
  const reached = graph.binary('or', eq(keys, largest), logicalNot(eq(keys, keys)));
  const position = graph.iota(keys.shape, keys.shape.length - 1);
  const marks = graph.where(reached, position, graph.constant(0, position.shape, 'i32'));
  const indices = stored(accumulate(marks, maxima(marks)));
  const back = (node: Node): Node => (source.shape.length === 0 ? graph.reshape(node, []) : axisBack(node, along));
  return { values: back(takeFromRows(rows, indices)), indices: back(indices) };
}

/** The order reversed: integers by their complement, because the smallest has no negative. */
const reversed = (x: Node): Node =>
  isFloat(x.dtype) ? graph.unary('neg', x) : graph.binary('xor', x, graph.constant(-1, x.shape, x.dtype));

export const cummax = (source: Node, axis: number): ValuesAndIndices<Node> => running('cummax', source, axis, false);
export const cummin = (source: Node, axis: number): ValuesAndIndices<Node> => running('cummin', source, axis, true);

/** The product of the elements of each row: eight at a time, so that no division is needed for its derivative. */
function productOfRows(rows: Node): Node {
  let current = rows;
  for (let n = lastSize(rows); n > 1; n = lastSize(current)) {
    const width = Math.min(8, n);
    const count = Math.ceil(n / width);
    const cut = graph.reshape(padLast(current, 0, count * width - n, 1), [...rowsOf(current), count, width]);
    const factors = Array.from({ length: width }, (_, k) => lastAt(cut, k));
    const product = pairwise(factors);
    current = count > 1 ? graph.materialize(product) : product;
  }
  return current;
}

/** Neighbors are multiplied first, so that each factor passes through few roundings. */
function pairwise(factors: readonly Node[]): Node {
  let list = factors;
  while (list.length > 1)
    list = Array.from({ length: Math.ceil(list.length / 2) }, (_, k) => {
      const [a, b] = list.slice(2 * k, 2 * k + 2) as [Node, Node?];
      return b === undefined ? a : mul(a, b);
    });
  return list[0] as Node;
}

/** [..., n] -> [..., 1]: the product of each row; 1 for no elements. */
export function multiplyRows(rows: Node): Node {
  if (lastSize(rows) > 0) return productOfRows(rows);
  return graph.constant(1, [...rowsOf(rows), 1], rows.dtype);
}

export const toProduct = countable;

/** Differences of neighbors along `axis`, `n` times. Of bool: whether they differ. */
export function diff(source: Node, n: number, axis: number): Node {
  if (source.shape.length === 0)
    throw new RangeError('diff: a scalar has no neighbors; the tensor needs at least one axis');
  if (!Number.isInteger(n) || n < 0)
    throw new RangeError(`diff: the order must be a whole number of at least 0, got ${n}`);
  return alongAxis(source, axis, 'diff', (rows) => {
    let current = rows;
    for (let k = 0; k < n; k++) {
      const size = lastSize(current);
      if (size <= 1) return lastRange(current, 0, 0);
      const [later, earlier] = [lastRange(current, 1, size), lastRange(current, 0, size - 1)];
      current = source.dtype === 'bool' ? ne(later, earlier) : sub(later, earlier);
    }
    return current;
  });
}
