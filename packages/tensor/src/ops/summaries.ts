/** Reductions that are composed of sums, maxima and products: counts, products, and statistics that leave NaN out. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { atLeastVector } from './along.ts';
import { inSingle } from './autocast.ts';
import { type Axes, normalizeAxes } from './axes.ts';
import { eq, ne, where } from './comparison.ts';
import { div } from './elementwise.ts';
import { floating } from './operand.ts';
import { amax, amin, mean, std, sum, type VarianceOptions, variance } from './reductions.ts';
import { multiplyRows, toProduct } from './scanning.ts';

/** The product; 1 of no elements. bool and u8 are multiplied as i32. */
export function prod(source: Node, axes?: Axes, keepdim = false): Node {
  const list = normalizeAxes(axes, atLeastVector(source).shape.length, 'prod');
  return inSingle(toProduct(source), (x) => {
    const vector = atLeastVector(x);
    const kept = [...vector.shape.keys()].filter((axis) => !list.includes(axis));
    const count = sizeOf(list.map((axis) => nth(vector.shape, axis)));
    const rows = graph.reshape(graph.permute(vector, [...kept, ...list]), [
      ...kept.map((axis) => nth(vector.shape, axis)),
      count,
    ]);
    const shape = source.shape.flatMap((n, axis) => (list.includes(axis) ? (keepdim ? [1] : []) : [n]));
    return graph.reshape(multiplyRows(rows), shape);
  });
}

/** How many elements are not 0, i32. NaN is not 0. */
export const countNonzero = (source: Node, axes?: Axes): Node => sum(graph.cast(ne(source, 0), 'i32'), axes);

const isNumber = (x: Node): Node => eq(x, x);

/** The sum without NaN. */
export const nansum = (source: Node, axes?: Axes, keepdim = false): Node =>
  isFloat(source.dtype)
    ? sum(where(isNumber(source), source, 0, source.dtype), axes, keepdim)
    : sum(source, axes, keepdim);

/** The mean without NaN; NaN of none. */
export const nanmean = (source: Node, axes?: Axes, keepdim = false): Node =>
  inSingle(floating(source), (x) =>
    div(nansum(x, axes, keepdim), graph.cast(sum(graph.cast(isNumber(x), 'i32'), axes, keepdim), x.dtype)),
  );

export const aminmax = (source: Node, axes?: Axes, keepdim = false): { readonly min: Node; readonly max: Node } => ({
  min: amin(source, axes, keepdim),
  max: amax(source, axes, keepdim),
});

export const varMean = (
  source: Node,
  axes?: Axes,
  options?: VarianceOptions,
): { readonly variance: Node; readonly mean: Node } => ({
  variance: variance(source, axes, options),
  mean: mean(source, axes, options?.keepdim),
});

export const stdMean = (
  source: Node,
  axes?: Axes,
  options?: VarianceOptions,
): { readonly std: Node; readonly mean: Node } => ({
  std: std(source, axes, options),
  mean: mean(source, axes, options?.keepdim),
});
