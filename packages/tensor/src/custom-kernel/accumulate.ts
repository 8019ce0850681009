/** Sums, maxima and minima over the axes of loops. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import type { DType } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import * as ops from '../ops/index.ts';
import { type Axis, floatOf, type Mask } from './values.ts';

/** Drops the leading axes of loops that have been summed over; they have size 1 by now. */
const withoutLoops = (node: Node, rank: number): Node =>
  node.shape.length <= rank ? node : graph.reshape(node, node.shape.slice(node.shape.length - rank));

const neutral = { sum: 0, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY } as const;

/**
 * The reduction of `value` over `axes`; the result has at most `rank` axes. Lanes outside `mask` do not count.
 */
export function combine(
  kind: keyof typeof neutral,
  value: Node | number,
  mask: Mask,
  axes: readonly Axis[],
  rank: number,
  dtype: DType,
): Node {
  let node = floatOf(value, dtype);
  if (mask !== true)
    node = mask === false ? graph.constant(neutral[kind], [], dtype) : ops.where(mask, node, neutral[kind]);
  const shape =
    node.shape.length >= rank + axes.length
      ? node.shape
      : [...new Array<number>(rank + axes.length - node.shape.length).fill(1), ...node.shape];
  node = graph.reshape(node, shape);
  const axisOf = ({ position }: Axis): number => shape.length - 1 - position;
  const along = axes.map(axisOf);
  // A value that does not vary along an axis is added once for each element of the axis.
  const missing = axes.filter((axis) => axis.size > 1 && shape[axisOf(axis)] === 1);
  const reduced = withoutLoops(
    kind === 'min' ? ops.neg(graph.reduce('max', ops.neg(node), along)) : graph.reduce(kind, node, along),
    rank,
  );
  return kind === 'sum' && missing.length > 0 ? ops.mul(reduced, sizeOf(missing.map(({ size }) => size))) : reduced;
}

/** The positions along which a node varies. */
function varying(shape: Shape): number[] {
  const positions: number[] = [];
  for (let position = shape.length - 1; position >= 0; position--)
    if (shape[shape.length - 1 - position] !== 1) positions.push(position);
  return positions;
}

/**
 * The sum of a * b over `axes` as a contraction, which backends run as a matrix product; null if a or b does not vary along one of the
 * axes.
 */
export function contractTerms(a: Node, b: Node, axes: readonly Axis[], rank: number): Node | null {
  const long = axes.filter(({ size }) => size > 1);
  const [ofA, ofB] = [varying(a.shape), varying(b.shape)];
  if (long.length === 0 || long.some(({ position }) => !ofA.includes(position) || !ofB.includes(position))) return null;
  const summed = new Set(long.map(({ position }) => position));
  const out = [...new Set([...ofA, ...ofB])].filter((position) => !summed.has(position)).sort((x, y) => y - x);
  const squeezed = (node: Node): Node =>
    graph.reshape(
      node,
      node.shape.filter((size) => size !== 1),
    );
  const product = graph.contract(squeezed(a), squeezed(b), { a: ofA, b: ofB, out });
  const shape = new Array<number>(rank).fill(1);
  for (const [k, position] of out.entries()) shape[rank - 1 - position] = nth(product.shape, k);
  return graph.reshape(product, shape);
}
