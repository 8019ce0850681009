/** Sums, maxima and minima over the axes of loops. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import type { DType } from '../kernel/dtype.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import * as ops from '../ops/index.ts';
import { type Axis, floatOf, type Mask } from './values.ts';

/** Without the leading axes, of size 1 by now, of loops that have been summed over. */
const withoutLoops = (node: Node, rank: number): Node =>
  node.shape.length <= rank ? node : graph.reshape(node, node.shape.slice(node.shape.length - rank));

const neutral = { sum: 0, max: Number.NEGATIVE_INFINITY, min: Number.POSITIVE_INFINITY } as const;

/**
 * The reduction of `value` over `axes`; the result has at most `rank` axes. Lanes out of `mask` count as nothing.
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
  const along = axes.map(({ position }) => shape.length - 1 - position);
  // What does not vary along an axis is added as often as the axis is long.
  const missing = axes.filter(({ size }, k) => size > 1 && shape[along[k] as number] === 1);
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
 * The sum of a * b over `axes` as a contraction, which backends run as a matrix product; null where the two do not both vary along
 * all of the axes.
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
  for (const [k, position] of out.entries()) shape[rank - 1 - position] = product.shape[k] as number;
  return graph.reshape(product, shape);
}
