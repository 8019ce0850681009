/** Positions in tensors: index tensors counted from the front, and as positions in the flat row-major tensor. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { contiguousStrides, formatShape, type Shape } from '../kernel/shape.ts';

/** An index as i32. Throws for floating-point numbers and bool. */
export function asIndex(op: string, index: Node): Node {
  if (isFloat(index.dtype) || index.dtype === 'bool')
    throw new RangeError(`${op}: the index must be of integers, got ${index.dtype} ${formatShape(index.shape)}`);
  return graph.cast(index, 'i32');
}

/** An index whose negative positions count from the end of an axis of `size`, as positions from the front. */
export function fromFront(op: string, index: Node, size: number): Node {
  const at = asIndex(op, index);
  if (index.dtype === 'u8') return at;
  const negative = graph.binary('lt', at, graph.constant(0, at.shape, 'i32'));
  return graph.where(negative, graph.binary('add', at, graph.constant(size, at.shape, 'i32')), at);
}

/**
 * For each element of `index`, the position in the flat tensor of `shape` of the element with the same coordinates, but `index` along
 * `axis`.
 */
export function flatPositions(index: Node, shape: Shape, axis: number): Node {
  const strides = contiguousStrides(shape);
  let flat = scaled(index, nth(strides, axis));
  index.shape.forEach((n, k) => {
    if (k !== axis && n > 1) flat = graph.binary('add', flat, scaled(graph.iota(index.shape, k), nth(strides, k)));
  });
  return flat;
}

/** `index * factor`. */
export const scaled = (index: Node, factor: number): Node =>
  graph.binary('mul', index, graph.constant(factor, index.shape, 'i32'));
