/**
 * The order of elements by which all sorting functions work: numbers ascend, NaN is larger than everything (as in PyTorch), and equal
 * elements keep the order in which they stand, in descending order too.
 *
 * Rows of up to `rankedRow` elements are sorted by counting: an element's place is the number of elements that come before it. That is
 * one kernel of n^2 comparisons. Longer rows are cut into such blocks, which are merged in pairs: each place of the result finds by
 * bisection how many of the elements before it come from the first block, so nothing is written anywhere but at its own place.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { computeDType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { lastRange, lastSize, overColumns, overRows, padLast, reduceLast, rowsOf, stored } from './along.ts';
import { logicalNot } from './comparison.ts';

/** The longest row that is sorted by counting only, and the largest size of the blocks of longer ones. */
const rankedRow = 1024;
const largestBlock = 256;

const integer = (value: number, like: Node): Node => graph.constant(value, like.shape, 'i32');
const plus = (a: Node, b: Node): Node => graph.binary('add', a, b);
const minus = (a: Node, b: Node): Node => graph.binary('add', a, graph.unary('neg', b));
const times = (a: Node, factor: number): Node => graph.binary('mul', a, integer(factor, a));
const notNumber = (x: Node): Node => logicalNot(graph.binary('eq', x, x));

/** Elements in a dtype that `lt` compares: bool and u8 as i32, halves as f32. */
function comparable(source: Node): Node {
  if (source.dtype === 'bool' || source.dtype === 'u8') return graph.cast(source, 'i32');
  return graph.cast(source, computeDType(source.dtype));
}

/** Whether each element of `a` must stand before that of `b`: strictly smaller, or larger if the order descends. */
function precedes(a: Node, b: Node, descending: boolean): Node {
  const [first, second] = descending ? [b, a] : [a, b];
  const smaller = graph.binary('lt', first, second);
  if (!isFloat(a.dtype)) return smaller;
  return graph.binary('or', smaller, graph.binary('and', notNumber(second), logicalNot(notNumber(first))));
}

/** [..., n] -> [..., n]: the position of the element that belongs at each place, by counting. */
function orderByCounting(keys: Node, descending: boolean): Node {
  const n = lastSize(keys);
  const own = overColumns(keys, n);
  const other = overRows(keys, n);
  const square = own.shape;
  const [i, j] = [graph.iota(square, square.length - 2), graph.iota(square, square.length - 1)];
  const before = graph.where(
    graph.binary('lt', j, i),
    logicalNot(precedes(own, other, descending)),
    precedes(other, own, descending),
  );
  const place = reduceLast('sum', graph.cast(before, 'i32'));
  const belongs = graph.binary('eq', overRows(place, n), i);
  return reduceLast('sum', graph.where(belongs, j, integer(0, j)));
}

/** [..., n] and positions [..., m] -> [..., m]: the elements at these positions of each row. */
export function takeFromRows(rows: Node, positions: Node): Node {
  const n = lastSize(rows);
  const count = sizeOf(rowsOf(rows));
  const m = lastSize(positions);
  const flat = graph.reshape(positions, [count, m]);
  const start = times(graph.iota([count, m], 0), n);
  const taken = graph.gather(graph.reshape(rows, [count * n]), plus(flat, start), 0);
  return graph.reshape(taken, positions.shape);
}

interface Sorted {
  /** [..., blocks, size], each block in order. */
  readonly keys: Node;
  /** Where the elements were in the row that is sorted. */
  readonly positions: Node;
}

/** Merges pairs of sorted blocks: [..., 2 m, s] -> [..., m, 2 s]. */
function mergePairs({ keys, positions }: Sorted, descending: boolean): Sorted {
  const size = lastSize(keys);
  const blocks = nth(keys.shape, keys.shape.length - 2);
  const shape = [...keys.shape.slice(0, -2), blocks / 2, 2 * size];
  const pairs = sizeOf(shape.slice(0, -1));
  const flat = [pairs, 2 * size];
  const [table, origin] = [keys, positions].map((node) => graph.reshape(stored(node), [pairs * 2 * size])) as [
    Node,
    Node,
  ];
  const place = graph.iota(flat, 1);
  const start = times(graph.iota(flat, 0), 2 * size);
  const at = (position: Node): Node => graph.gather(table, position, 0);
  // Of the first `place` elements of the result, at least `least` and at most `most` come from the first block.
  const zero = integer(0, place);
  const over = plus(place, integer(-size, place));
  const least = graph.binary('max', over, zero);
  const most = plus(place, graph.unary('neg', least));
  // The last of `count` elements of the first block, and the first of the second block after `place - count`: flat positions.
  const lastOfFirst = plus(start, integer(-1, start));
  const firstOfSecond = plus(plus(start, place), integer(size, start));
  let count = least;
  for (let step = 2 ** Math.floor(Math.log2(size)); step >= 1; step /= 2) {
    const more = plus(count, integer(step, count));
    // Where `more` is too much, the positions mean nothing; what is read there is not used.
    const [first, second] = [at(plus(lastOfFirst, more)), at(minus(firstOfSecond, more))];
    const fits = logicalNot(graph.binary('lt', most, more));
    const before = logicalNot(precedes(second, first, descending));
    count = graph.where(graph.binary('and', fits, before), more, count);
  }
  // One more from the first block, unless it is used up, or the next of the second must come before it.
  const [next, other] = [plus(start, count), minus(firstOfSecond, count)];
  const firstLeft = graph.binary('lt', count, integer(size, count));
  const secondUsedUp = logicalNot(graph.binary('lt', minus(place, count), integer(size, count)));
  const notLater = logicalNot(precedes(at(other), at(next), descending));
  const fromFirst = graph.binary('and', firstLeft, graph.binary('or', secondUsedUp, notLater));
  const chosen = graph.materialize(graph.where(fromFirst, next, other));
  return {
    keys: graph.reshape(graph.gather(table, chosen, 0), shape),
    positions: graph.reshape(graph.gather(origin, chosen, 0), shape),
  };
}

/** What fills a row up to whole blocks. It belongs at the end, and comes after equal elements because it stands after them. */
function filler(keys: Node, descending: boolean): number {
  if (isFloat(keys.dtype)) return descending ? Number.NEGATIVE_INFINITY : Number.NaN;
  return descending ? -(2 ** 31) : 2 ** 31 - 1;
}

function orderByMerging(keys: Node, descending: boolean): Node {
  const n = lastSize(keys);
  const blocks = 2 ** Math.ceil(Math.log2(n / largestBlock));
  const blockSize = Math.ceil(n / blocks);
  const padded = stored(padLast(keys, 0, blocks * blockSize - n, filler(keys, descending)));
  const cut = graph.reshape(padded, [...rowsOf(keys), blocks, blockSize]);
  const order = graph.materialize(orderByCounting(cut, descending));
  const start = times(graph.iota(order.shape, order.shape.length - 2), blockSize);
  let sorted: Sorted = { keys: takeFromRows(cut, order), positions: plus(order, start) };
  for (let count = blocks; count > 1; count /= 2) sorted = mergePairs(sorted, descending);
  return lastRange(graph.reshape(sorted.positions, [...rowsOf(keys), blocks * blockSize]), 0, n);
}

/** [..., n] -> [..., n], i32: for each place of the sorted row, where its element is in the row. Stable. */
export function orderOfRows(rows: Node, descending: boolean): Node {
  const n = lastSize(rows);
  if (n <= 1 || sizeOf(rows.shape) === 0) return graph.constant(0, rows.shape, 'i32');
  const keys = stored(graph.detach(comparable(rows)));
  return n <= rankedRow ? orderByCounting(keys, descending) : orderByMerging(keys, descending);
}
