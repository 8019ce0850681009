/** Distances between all pairs of vectors, and the covariance of variables. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape } from '../kernel/shape.ts';
import { diagonal, triangleIndices } from './arranging.ts';
import { clamp, div, mul, sqrt, sub } from './elementwise.ts';
import { matmul } from './linear-algebra.ts';
import { vectorNorm } from './norms.ts';
import { broadcastTo, floating } from './operand.ts';
import { sum } from './reductions.ts';
import { transpose, unsqueeze } from './shaping.ts';

function checkOrder(op: string, p: number): void {
  if (!(p >= 0)) throw new RangeError(`${op}: p must be at least 0, got ${p}`);
}

/** [..., p, m] x [..., r, m] -> [..., p, r]. Differences are formed before they are squared, so that near vectors lose no digits. */
export function cdist(a: Node, b: Node, p = 2): Node {
  checkOrder('cdist', p);
  const problem = (what: string): never => {
    throw new RangeError(`cdist: ${formatShape(a.shape)} and ${formatShape(b.shape)}: ${what}`);
  };
  if (!isFloat(a.dtype) || !isFloat(b.dtype)) problem(`needs floating-point vectors, got ${a.dtype} and ${b.dtype}`);
  if (a.shape.length < 2 || b.shape.length < 2) problem('needs at least two dimensions on either side');
  const [m, other] = [nth(a.shape, a.shape.length - 1), nth(b.shape, b.shape.length - 1)];
  if (m !== other) problem(`the vectors have ${m} and ${other} elements`);
  const dtype = promote(a.dtype, b.dtype);
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'cdist');
  const [rows, columns] = [nth(a.shape, a.shape.length - 2), nth(b.shape, b.shape.length - 2)];
  const shape = [...batch, rows, columns];
  if (m === 0) return graph.constant(0, shape, dtype);
  const left = broadcastTo(unsqueeze(graph.cast(a, dtype), -2), [...shape, m], 'cdist');
  const right = broadcastTo(unsqueeze(graph.cast(b, dtype), -3), [...shape, m], 'cdist');
  return vectorNorm(sub(left, right), p, -1);
}

/** [n, m] -> [n (n - 1) / 2]: the distances of all pairs i < j, in the order of i, then j. */
export function pdist(source: Node, p = 2): Node {
  checkOrder('pdist', p);
  if (source.shape.length !== 2 || !isFloat(source.dtype))
    throw new RangeError(`pdist: needs a floating-point matrix, got ${source.dtype} ${formatShape(source.shape)}`);
  const [n, m] = source.shape as [number, number];
  const pairs = triangleIndices('pdist', n, n, 1, false);
  const count = nth(pairs.shape, 1);
  if (count === 0 || m === 0) return graph.constant(0, [count], source.dtype);
  const row = (k: number): Node => graph.reshape(graph.shrink(pairs, [k, 0], [k + 1, count]), [count]);
  return vectorNorm(sub(graph.gather(source, row(0), 0), graph.gather(source, row(1), 0)), p, -1);
}

export interface CovarianceOptions<T> {
  /** Subtracted from the number of observations. Default: 1. */
  readonly correction?: number;
  /** How often each observation is counted, whole numbers [observations]. */
  readonly fweights?: T;
  /** The importance of each observation, [observations]. */
  readonly aweights?: T;
}

/** [variables, observations] -> [variables, variables]; the variance of a single variable is a scalar. */
export function cov(source: Node, { correction = 1, fweights, aweights }: CovarianceOptions<Node> = {}): Node {
  if (source.shape.length > 2)
    throw new RangeError(`cov: needs a matrix or a vector, got ${formatShape(source.shape)}`);
  const observed = floating(source);
  const variables = source.shape.length === 2 ? nth(source.shape, 0) : 1;
  const count = nth(source.shape, source.shape.length - 1) ?? 1;
  const x = graph.reshape(observed, [variables, source.shape.length === 0 ? 1 : count]);
  const n = nth(x.shape, 1);
  for (const [name, weights] of Object.entries({ fweights, aweights }))
    if (weights !== undefined && (weights.shape.length > 1 || (weights.shape[0] ?? 1) !== n))
      throw new RangeError(
        `cov: ${name} ${formatShape(weights.shape)} must have one number for each of ${n} observations`,
      );
  if (fweights !== undefined && (isFloat(fweights.dtype) || fweights.dtype === 'bool'))
    throw new TypeError(`cov: fweights must be whole numbers, got ${fweights.dtype}`);
  if (aweights !== undefined && !isFloat(aweights.dtype))
    throw new TypeError(`cov: aweights must be floating-point numbers, got ${aweights.dtype}`);
  const ones = graph.constant(1, [n], x.dtype);
  const frequencies = fweights === undefined ? ones : graph.reshape(graph.cast(fweights, x.dtype), [n]);
  const importance = aweights === undefined ? ones : graph.reshape(graph.cast(aweights, x.dtype), [n]);
  const weights = mul(frequencies, importance);
  const total = sum(weights);
  const mean = div(sum(mul(x, weights), 1, true), total);
  const centered = sub(x, mean);
  // With importance, the correction counts by the weights: sum(w a) / sum(w).
  const correctionTerm =
    aweights === undefined ? correction : mul(div(sum(mul(weights, importance)), total), correction);
  const divisor = clamp(sub(total, correctionTerm), 0);
  const products = matmul(mul(centered, weights), transpose(centered, 0, 1));
  const result = div(products, divisor);
  return variables === 1 ? graph.reshape(result, []) : result;
}

/** Pearson's correlation: the covariance divided by the standard deviations, clamped to -1 .. 1. */
export function corrcoef(source: Node): Node {
  const covariance = cov(source);
  if (covariance.shape.length === 0) return div(covariance, covariance);
  const deviation = sqrt(diagonal(covariance));
  const n = nth(deviation.shape, 0);
  const scaled = div(div(covariance, graph.reshape(deviation, [n, 1])), graph.reshape(deviation, [1, n]));
  return clamp(scaled, -1, 1);
}
