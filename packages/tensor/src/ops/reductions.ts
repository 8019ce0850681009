/** Reductions. `axes` may be negative; by default all axes are reduced. */

import * as graph from '../graph/graph.ts';
import type { Node, ReduceOp } from '../graph/node.ts';
import { computeDType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, normalizeAxis, sizeOf } from '../kernel/shape.ts';
import { inSingle } from './autocast.ts';
import { type Axes, normalizeAxes } from './axes.ts';
import { logicalNot } from './comparison.ts';
import { add, exp, log, mul, sqrt, square, sub } from './elementwise.ts';
import { broadcastTo, constantLike, floating } from './operand.ts';

/** Drops the reduced axes, which have size 1, unless `keepdim`. */
function drop(node: Node, axes: readonly number[], keepdim: boolean): Node {
  return keepdim
    ? node
    : graph.reshape(
        node,
        node.shape.filter((_, axis) => !axes.includes(axis)),
      );
}

function reduce(op: string, kind: ReduceOp, source: Node, axes: Axes | undefined, keepdim: boolean): Node {
  const list = normalizeAxes(axes, source.shape.length, op);
  return drop(graph.reduce(kind, source, list), list, keepdim);
}

const countOf = (source: Node, axes: readonly number[]): number => sizeOf(axes.map((axis) => nth(source.shape, axis)));

/** bool and u8 are summed as i32. */
export const sum = (source: Node, axes?: Axes, keepdim = false): Node =>
  reduce(
    'sum',
    'sum',
    source.dtype === 'bool' || source.dtype === 'u8' ? graph.cast(source, 'i32') : source,
    axes,
    keepdim,
  );

export function mean(source: Node, axes?: Axes, keepdim = false): Node {
  const list = normalizeAxes(axes, source.shape.length, 'mean');
  return inSingle(floating(source), (x) => mul(sum(x, list, keepdim), 1 / countOf(x, list)));
}

export function max(source: Node, axes?: Axes, keepdim = false): Node {
  if (source.dtype === 'bool') return any(source, axes, keepdim);
  return reduce('max', 'max', source, axes, keepdim);
}

/** -x - 1, which reverses the order of integers without overflow. */
const complement = (x: Node): Node => graph.binary('xor', x, constantLike(-1, x));

/** min(x) = -max(-x); for i32 ~max(~x), which is also correct for the smallest integer. */
export function min(source: Node, axes?: Axes, keepdim = false): Node {
  if (source.dtype === 'bool') return all(source, axes, keepdim);
  if (isFloat(source.dtype)) return graph.unary('neg', reduce('min', 'max', graph.unary('neg', source), axes, keepdim));
  const smallest = complement(reduce('min', 'max', complement(graph.cast(source, 'i32')), axes, keepdim));
  return graph.cast(smallest, source.dtype);
}

/** Whether any value is not 0; false for no values. */
export function any(source: Node, axes?: Axes, keepdim = false): Node {
  const list = normalizeAxes(axes, source.shape.length, 'any');
  const count = graph.reduce('sum', graph.cast(graph.cast(source, 'bool'), 'i32'), list);
  return drop(graph.cast(count, 'bool'), list, keepdim);
}

/** Whether every value is not 0; true for no values. */
export const all = (source: Node, axes?: Axes, keepdim = false): Node =>
  logicalNot(any(logicalNot(source), normalizeAxes(axes, source.shape.length, 'all'), keepdim));

export interface VarianceOptions {
  /** Subtracted from the count: 1 (Bessel's correction, PyTorch's default) or 0 (the mean square deviation). */
  readonly correction?: number;
  readonly keepdim?: boolean;
}

/** sum((x - mean)^2) / max(0, n - correction), in two passes. */
export function variance(source: Node, axes?: Axes, { correction = 1, keepdim = false }: VarianceOptions = {}): Node {
  const list = normalizeAxes(axes, source.shape.length, 'variance');
  return inSingle(floating(source), (x) => {
    const deviation = sub(x, mean(x, list, true));
    return mul(sum(square(deviation), list, keepdim), 1 / Math.max(0, countOf(x, list) - correction));
  });
}

export const std = (source: Node, axes?: Axes, options?: VarianceOptions): Node =>
  sqrt(variance(source, normalizeAxes(axes, source.shape.length, 'std'), options));

/** The Euclidean norm. The root never sees 0, so that the gradient there is 0 instead of NaN. */
export function norm(source: Node, axes?: Axes, keepdim = false): Node {
  const list = normalizeAxes(axes, source.shape.length, 'norm');
  return inSingle(floating(source), (x) => {
    const squares = sum(square(x), list, keepdim);
    const zero = constantLike(0, squares);
    const isZero = graph.binary('eq', squares, zero);
    return graph.where(isZero, zero, sqrt(graph.where(isZero, constantLike(1, squares), squares)));
  });
}

function positionOfLargest(op: string, source: Node, axis: number, keepdim: boolean): Node {
  const along = normalizeAxis(axis, source.shape.length, op);
  if (source.shape[along] === 0)
    throw new RangeError(`${op}: no elements to choose from: shape ${formatShape(source.shape)}, axis ${along}`);
  const x = source.dtype === 'bool' ? graph.cast(source, 'i32') : source;
  const largest = broadcastTo(graph.reduce('max', x, [along]), x.shape);
  // Positions counted from the end, so that the first of equal values wins the maximum.
  const last = nth(x.shape, along) - 1;
  const fromEnd = sub(last, graph.iota(x.shape, along));
  const candidates = graph.where(graph.binary('lt', x, largest), constantLike(0, fromEnd), fromEnd);
  return sub(last, drop(graph.reduce('max', candidates, [along]), [along], keepdim));
}

/** Positions along an axis, or without one in the flat tensor. A scalar has position 0. */
function positionIn(
  source: Node,
  axis: number | undefined,
  keepdim: boolean,
  find: (source: Node, axis: number, keepdim: boolean) => Node,
): Node {
  if (axis !== undefined && source.shape.length > 0) return find(source, axis, keepdim);
  const flat = find(graph.reshape(source, [sizeOf(source.shape)]), axis ?? 0, false);
  return keepdim
    ? graph.reshape(
        flat,
        source.shape.map(() => 1),
      )
    : flat;
}

/** The position of the largest value along `axis`, the first of equal ones, i32. If there are NaNs, some valid position. */
export const argmax = (source: Node, axis?: number, keepdim = false): Node =>
  positionIn(source, axis, keepdim, (x, along, kept) => positionOfLargest('argmax', x, along, kept));

/** The position of the smallest value along `axis`, the first of equal ones, i32. If there are NaNs, some valid position. */
export const argmin = (source: Node, axis?: number, keepdim = false): Node =>
  positionIn(
    isFloat(source.dtype) ? graph.unary('neg', source) : complement(graph.cast(source, 'i32')),
    axis,
    keepdim,
    (x, along, kept) => positionOfLargest('argmin', x, along, kept),
  );

// Softmax and related functions. The maximum is subtracted to prevent overflow; it cancels out, so no gradient flows through it.

const shifted = (x: Node, axes: readonly number[]): Node => sub(x, graph.detach(graph.reduce('max', x, axes)));

/**
 * y = exp(x - max) / sum(exp(x - max)). Its derivative needs only the result: dx = y (g - sum(g y)). Derived from the formula, it would
 * need x as well. f16 and bf16 are computed in f32; the result, between 0 and 1, has their dtype again.
 */
export function softmax(source: Node, axis: number): Node {
  const axes = normalizeAxes(axis, source.shape.length, 'softmax');
  const x = floating(source);
  if (sizeOf(x.shape) === 0) return x;
  const wide = computeDType(x.dtype);
  const e = exp(shifted(graph.cast(x, wide), axes));
  const value = mul(e, graph.unary('recip', graph.reduce('sum', e, axes)));
  return graph.custom(graph.cast(value, x.dtype), [x], {
    name: 'softmax',
    backward: (gradient, _inputs, output) => {
      const [g, y] = [graph.cast(gradient, wide), graph.cast(output, wide)];
      return [graph.cast(mul(y, sub(g, graph.reduce('sum', mul(g, y), axes))), x.dtype)];
    },
  });
}

/** x - max - log(sum(exp(x - max))). */
export function logSoftmax(source: Node, axis: number): Node {
  const axes = normalizeAxes(axis, source.shape.length, 'logSoftmax');
  if (sizeOf(source.shape) === 0) return floating(source);
  return inSingle(floating(source), (wide) => {
    const x = shifted(wide, axes);
    return sub(x, log(graph.reduce('sum', exp(x), axes)));
  });
}

/** log(sum(exp(x))). Where the maximum is infinite it is not subtracted: infinity minus itself would be NaN. */
export function logsumexp(source: Node, axes?: Axes, keepdim = false): Node {
  const list = normalizeAxes(axes, source.shape.length, 'logsumexp');
  return inSingle(floating(source), (x) => {
    if (countOf(x, list) === 0) return log(sum(exp(x), list, keepdim));
    const largest = graph.detach(graph.reduce('max', x, list));
    const magnitude = graph.binary('max', largest, graph.unary('neg', largest));
    const infinite = graph.binary('eq', magnitude, constantLike(Number.POSITIVE_INFINITY, largest));
    const offset = graph.where(infinite, constantLike(0, largest), largest);
    return drop(add(log(graph.reduce('sum', exp(sub(x, offset)), list)), offset), list, keepdim);
  });
}
