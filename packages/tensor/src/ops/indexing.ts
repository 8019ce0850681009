/** Choosing elements at computed positions, and joining tensors. */

import * as graph from '../graph/graph.ts';
import { checkIndex } from '../graph/index-check.ts';
import type { Node } from '../graph/node.ts';
import { type DType, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape, normalizeAxis, type Shape, sizeOf } from '../kernel/shape.ts';
import { atLeastVector } from './along.ts';
import { add } from './elementwise.ts';
import { broadcastTo } from './operand.ts';
import { asIndex, fromFront } from './positions.ts';
import { unsqueeze } from './shaping.ts';

/** Slices of `source` along `axis` at the positions `index`, whose shape takes the place of the axis. `op` is the name in messages. */
export function indexSelect(source: Node, axis: number, index: Node, op = 'indexSelect'): Node {
  if (source.shape.length === 0) {
    const chosen = indexSelect(graph.reshape(source, [1]), axis, index, op);
    return graph.reshape(chosen, []);
  }
  const along = normalizeAxis(axis, source.shape.length, op);
  const rows = graph.gather(source, asIndex(op, index), along);
  return checkIndex(rows, index, { op, high: nth(source.shape, along) });
}

/**
 * For every position p of `index`, the element of `source` at p with the coordinate along `axis` replaced by index[p]. Both have the
 * same shape except along `axis`. Negative positions count from the end.
 */
export const takeAlongAxis = (source: Node, axis: number, index: Node): Node =>
  takeAlong('takeAlongAxis', source, axis, index, true);

/** `wraps`: whether negative positions count from the end, or are out of range. */
function takeAlong(op: string, source: Node, axis: number, index: Node, wraps: boolean): Node {
  const rank = source.shape.length;
  const along = normalizeAxis(axis, rank, op);
  if (index.shape.length !== rank || index.shape.some((n, k) => k !== along && n !== source.shape[k]))
    throw new RangeError(
      `${op}: index ${formatShape(index.shape)} must agree with ${formatShape(source.shape)} except on axis ${axis}`,
    );
  // With the axis last, rows are stored one after the other: position (row, i) of the flat table is row * size + i.
  const order = [...Array.from({ length: rank }, (_, k) => k).filter((k) => k !== along), along];
  const size = nth(source.shape, along);
  const table = graph.permute(source, order);
  const chosen = graph.permute(wraps ? fromFront(op, index, size) : asIndex(op, index), order);
  const count = nth(chosen.shape, rank - 1);
  const rows = sizeOf(chosen.shape.slice(0, -1));
  const start = graph.binary('mul', graph.iota([rows, count], 0), graph.constant(size, [rows, count], 'i32'));
  const flat = add(graph.reshape(chosen, [rows, count]), start);
  const elements = graph.gather(graph.reshape(table, [sizeOf(table.shape)]), flat, 0);
  checkIndex(elements, index, { op, low: wraps ? -size : 0, high: size });
  const taken = graph.reshape(elements, chosen.shape);
  return graph.permute(
    taken,
    order.map((_, k) => order.indexOf(k)),
  );
}

/**
 * PyTorch's `gather`: like `takeAlongAxis`, where the index may be smaller than the source along the other axes too; what is beyond it is
 * left out.
 */
export function gather(source: Node, axis: number, index: Node): Node {
  if (sizeOf(index.shape) === 0) return graph.constant(0, index.shape, source.dtype);
  if (source.shape.length === 0 || index.shape.length === 0) {
    const chosen = gather(atLeastVector(source), axis, atLeastVector(index));
    return graph.reshape(chosen, index.shape);
  }
  const along = normalizeAxis(axis, source.shape.length, 'gather');
  const fits =
    index.shape.length === source.shape.length && index.shape.every((n, k) => k === along || n <= nth(source.shape, k));
  if (!fits)
    throw new RangeError(
      `gather: index ${formatShape(index.shape)} must have the axes of ${formatShape(source.shape)}, and be nowhere larger except on axis ${axis}`,
    );
  const part = graph.shrink(
    source,
    source.shape.map(() => 0),
    source.shape.map((n, k) => (k === along ? n : nth(index.shape, k))),
  );
  return takeAlong('gather', part, along, index, false);
}

/** `takeAlongAxis` of tensors that broadcast except along `axis`; without an axis, of the flat tensors. */
export function takeAlongDim(source: Node, index: Node, axis?: number): Node {
  if (axis === undefined) {
    const flat = (node: Node): Node => graph.reshape(node, [sizeOf(node.shape)]);
    return takeAlong('takeAlongDim', flat(source), 0, flat(index), true);
  }
  if (source.shape.length !== index.shape.length)
    throw new RangeError(
      `takeAlongDim: ${formatShape(source.shape)} and index ${formatShape(index.shape)} must have the same number of dimensions`,
    );
  if (source.shape.length === 0)
    return graph.reshape(takeAlongDim(atLeastVector(source), atLeastVector(index), axis), []);
  const along = normalizeAxis(axis, source.shape.length, 'takeAlongDim');
  const without = (shape: Shape): number[] => shape.map((n, k) => (k === along ? 1 : n));
  const common = broadcastShapes(without(source.shape), without(index.shape), 'takeAlongDim');
  const wide = (node: Node): Node => broadcastTo(node, common.with(along, nth(node.shape, along)), 'takeAlongDim');
  return takeAlong('takeAlongDim', wide(source), along, wide(index), true);
}

/** The elements of the flat tensor at the positions `index`, whose shape the result has. Negative positions count from the end. */
export function take(source: Node, index: Node): Node {
  const size = sizeOf(source.shape);
  const taken = graph.gather(graph.reshape(source, [size]), fromFront('take', index, size), 0);
  return checkIndex(taken, index, { op: 'take', low: -size, high: size });
}

/** [...] of integers -> [..., classes]: 1 at the position that the integer names, 0 elsewhere. */
export function oneHot(source: Node, classes: number, dtype: DType): Node {
  const shape: Shape = [...source.shape, classes];
  const index = broadcastTo(unsqueeze(asIndex('oneHot', source), -1), shape, 'oneHot');
  const chosen = graph.binary('eq', index, graph.iota(shape, shape.length - 1));
  return graph.cast(checkIndex(chosen, source, { op: 'oneHot', high: classes }), dtype);
}

/** Tensors one after the other along `axis`. As in PyTorch, an empty vector joins tensors of any shape, and adds nothing. */
export function concat(sources: readonly Node[], axis: number): Node {
  const isEmptyVector = ({ shape }: Node): boolean => shape.length === 1 && shape[0] === 0;
  const filled = sources.filter((source) => !isEmptyVector(source));
  const joined = filled.some(({ shape }) => shape.length !== 1) ? filled : sources;
  const [first] = joined;
  if (first === undefined) throw new RangeError('concat: needs at least one tensor');
  const dtype = sources.map((source) => source.dtype).reduce(promote);
  return graph.concat(
    joined.map((source) => graph.cast(source, dtype)),
    normalizeAxis(axis, first.shape.length, 'concat'),
  );
}

/** Tensors of one shape along a new axis. */
export function stack(sources: readonly Node[], axis: number): Node {
  const [first] = sources;
  if (first === undefined) throw new RangeError('stack: needs at least one tensor');
  for (const source of sources)
    if (formatShape(source.shape) !== formatShape(first.shape))
      throw new RangeError(`stack: shapes ${formatShape(first.shape)} and ${formatShape(source.shape)} differ`);
  const at = normalizeAxis(axis, first.shape.length + 1, 'stack');
  return concat(
    sources.map((source) => unsqueeze(source, at)),
    at,
  );
}
