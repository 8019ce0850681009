/** Operations along one axis: the axis is brought to the end, where all of them work, and back. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { normalizeAxis, type Shape } from '../kernel/shape.ts';

/** The axis counted from the front. A scalar counts as a vector of one element, so it has axis 0 (and -1). */
export const axisOf = (source: Node, axis: number, op: string): number =>
  normalizeAxis(axis, Math.max(1, source.shape.length), op);

/** The source itself, or a scalar as a vector of one element. */
export const atLeastVector = (source: Node): Node => (source.shape.length === 0 ? graph.reshape(source, [1]) : source);

const orderWithLast = (rank: number, axis: number): number[] => [
  ...Array.from({ length: rank }, (_, k) => k).filter((k) => k !== axis),
  axis,
];

/** `axis` (counted from the front) becomes the last axis. */
export const axisLast = (source: Node, axis: number): Node =>
  graph.permute(source, orderWithLast(source.shape.length, axis));

/** The inverse: the last axis becomes `axis`. */
export const axisBack = (source: Node, axis: number): Node => {
  const order = orderWithLast(source.shape.length, axis);
  return graph.permute(
    source,
    order.map((_, k) => order.indexOf(k)),
  );
};

/** Computes along the last axis of what has `axis` there, and brings the axis back. A scalar counts as a vector. */
export function alongAxis(source: Node, axis: number, op: string, compute: (rows: Node) => Node): Node {
  const along = axisOf(source, axis, op);
  const result = axisBack(compute(axisLast(atLeastVector(source), along)), along);
  return source.shape.length === 0 ? graph.reshape(result, []) : result;
}

/** The size of the last axis. */
export const lastSize = (source: Node): number => nth(source.shape, source.shape.length - 1);

/** The shape without the last axis. */
export const rowsOf = (source: Node): Shape => source.shape.slice(0, -1);

/** [..., n] -> [..., m, n]: the rows repeated along a new axis in front of the last. */
export const overRows = (source: Node, count: number): Node => {
  const rows = rowsOf(source);
  const n = lastSize(source);
  return graph.expand(graph.reshape(source, [...rows, 1, n]), [...rows, count, n]);
};

/** [..., n] -> [..., n, m]: each element repeated along a new last axis. */
export const overColumns = (source: Node, count: number): Node =>
  graph.expand(graph.reshape(source, [...source.shape, 1]), [...source.shape, count]);

/** Positions `from` to before `to` of the last axis. */
export function lastRange(source: Node, from: number, to: number): Node {
  const last = source.shape.length - 1;
  return graph.shrink(
    source,
    source.shape.map((_, axis) => (axis === last ? from : 0)),
    source.shape.map((n, axis) => (axis === last ? to : n)),
  );
}

/** [..., n] -> [...]: the element at `position` of each row. */
export const lastAt = (source: Node, position: number): Node =>
  graph.reshape(lastRange(source, position, position + 1), rowsOf(source));

/** [..., n] -> [..., 1 or none]: drops the last axis, of size 1, unless it is kept. */
const dropLast = (source: Node): Node => graph.reshape(source, rowsOf(source));

/** [..., n] -> [..., before + n + after], filled with `value`. */
export function padLast(source: Node, before: number, after: number, value: number): Node {
  if (before === 0 && after === 0) return source;
  const none = rowsOf(source).map(() => 0);
  const [front, back] = [
    [...none, before],
    [...none, after],
  ];
  const padded = graph.pad(source, front, back);
  if (value === 0) return padded;
  const inside = graph.pad(graph.constant(1, source.shape, 'bool'), front, back);
  return graph.where(inside, padded, graph.constant(value, padded.shape, padded.dtype));
}

/** A sum or maximum over the last axis, which is dropped. */
export const reduceLast = (kind: 'sum' | 'max', source: Node): Node =>
  dropLast(graph.reduce(kind, source, [source.shape.length - 1]));

const views: ReadonlySet<string> = new Set(['reshape', 'permute', 'expand', 'flip', 'shrink']);

/**
 * The value itself where it is read from memory anyway, and a stored value otherwise: what is read many times is not computed at each
 * reading.
 */
export function stored(source: Node): Node {
  let base = source;
  while (views.has(base.op)) {
    const [next] = base.sources;
    if (next === undefined) break;
    base = next;
  }
  return ['buffer', 'input', 'const', 'iota', 'materialize'].includes(base.op) ? source : graph.materialize(source);
}
