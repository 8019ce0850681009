/** Reductions. `axes` may be negative; by default all axes are reduced. */

import * as graph from '../graph/graph.ts';
import { declareRange } from '../graph/index-check.ts';
import type { Node, ReduceOp } from '../graph/node.ts';
import { computeDType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, sizeOf } from '../kernel/shape.ts';
import { inSingle } from './autocast.ts';
import { type Axes, normalizeAxes } from './axes.ts';
import { logicalNot, ne } from './comparison.ts';
import { add, div, exp, log, mul, sqrt, square, sub } from './elementwise.ts';
import { constantLike, floating } from './operand.ts';

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
  return inSingle(floating(source), (x) => div(sum(x, list, keepdim), countOf(x, list)));
}

/** The largest value; its derivative is shared equally among equal values. */
export function amax(source: Node, axes?: Axes, keepdim = false): Node {
  if (source.dtype === 'bool') return any(source, axes, keepdim);
  return reduce('max', 'max', source, axes, keepdim);
}

/** -x - 1, which reverses the order of integers without overflow. */
const complement = (x: Node): Node => graph.binary('xor', x, constantLike(-1, x));

/** min(x) = -max(-x); for i32 ~max(~x), which is also correct for the smallest integer. */
export function amin(source: Node, axes?: Axes, keepdim = false): Node {
  if (source.dtype === 'bool') return all(source, axes, keepdim);
  if (isFloat(source.dtype)) return graph.unary('neg', reduce('min', 'max', graph.unary('neg', source), axes, keepdim));
  const smallest = complement(reduce('min', 'max', complement(graph.cast(source, 'i32')), axes, keepdim));
  return graph.cast(smallest, source.dtype);
}

/**
 * The largest value. Over named axes, its derivative goes to the first of equal values; over all, it is shared equally, among NaNs if there
 * are some.
 */
export function max(source: Node, axes?: Axes, keepdim = false): Node {
  if (!isFloat(source.dtype)) return amax(source, axes, keepdim);
  if (axes === undefined) return sharedLargest(source, keepdim);
  const list = normalizeAxes(axes, source.shape.length, 'max');
  return drop(firstLargest(source, list), list, keepdim);
}

/** The smallest value, with the derivative of `max`. */
export function min(source: Node, axes?: Axes, keepdim = false): Node {
  if (!isFloat(source.dtype)) return amin(source, axes, keepdim);
  if (axes === undefined) return graph.unary('neg', sharedLargest(graph.unary('neg', source), keepdim));
  const list = normalizeAxes(axes, source.shape.length, 'min');
  return graph.unary('neg', drop(firstLargest(graph.unary('neg', source), list), list, keepdim));
}

/** Which elements equal the maximum of their row, or are NaN if it is NaN. */
function areLargest(x: Node, largest: Node): Node {
  const equal = graph.binary('eq', x, graph.expand(largest, x.shape));
  return isFloat(x.dtype) ? graph.binary('or', equal, ne(x, x)) : equal;
}

/** The largest of all values. The derivative is shared equally by those that equal it, or by the NaNs. */
function sharedLargest(x: Node, keepdim: boolean): Node {
  const axes = normalizeAxes(undefined, x.shape.length, 'max');
  const largest = graph.reduce('max', x, axes);
  if (largest === x) return drop(x, axes, keepdim);
  const value = graph.custom(largest, [x], {
    name: 'max',
    backward: (gradient, _inputs, y) => {
      const chosen = areLargest(x, y);
      const share = div(gradient, graph.reduce('sum', graph.cast(chosen, x.dtype), axes));
      return [graph.where(chosen, graph.expand(share, x.shape), constantLike(0, x))];
    },
  });
  return drop(value, axes, keepdim);
}

/** The largest value along the axes, which are kept. The derivative goes to the first of equal values in row-major order, or to the first NaN. */
function firstLargest(x: Node, axes: readonly number[]): Node {
  const largest = graph.reduce('max', x, axes);
  if (largest === x) return x;
  return graph.custom(largest, [x], {
    name: 'max',
    backward: (gradient, _inputs, y) => {
      const first = graph.expand(firstPosition(x, y, axes), x.shape);
      const isFirst = graph.binary('eq', positions(x, axes), first);
      return [graph.where(isFirst, graph.expand(gradient, x.shape), constantLike(0, x))];
    },
  });
}

/** The position of each element in its row, counted from the row's end. */
function positions(x: Node, axes: readonly number[]): Node {
  const fromEnd = graph.flip(graph.iota([countOf(x, axes)], 0), [0]);
  const sizes = x.shape.map((n, axis) => (axes.includes(axis) ? n : 1));
  return graph.expand(graph.reshape(fromEnd, sizes), x.shape);
}

/**
 * The position, counted from the row's end, of the first element that equals the maximum of its row, or of the first NaN: the maximum of
 * all such positions. Reduced axes are kept.
 */
function firstPosition(x: Node, largest: Node, axes: readonly number[]): Node {
  const position = positions(x, axes);
  return graph.reduce('max', graph.where(areLargest(x, largest), position, constantLike(-1, position)), axes);
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

/** Of values along axes: their mean, their deviations from it, and the sum of the squares of these. */
interface Moments {
  readonly mean: Node;
  readonly deviation: Node;
  readonly squares: Node;
}

/**
 * Mean, deviations and sum of squares along `axes`, which are kept. f16 and bf16 must have been widened.
 *
 * The corrected two-pass algorithm (Chan, Golub and LeVeque 1983): a first estimate of the mean is off by the rounding of a sum, and the
 * mean of the deviations from it says by how much. Equal values have deviations of exactly 0. Numerically the correction is 0, so it has
 * no derivative.
 */
export function moments(x: Node, axes: readonly number[]): Moments {
  const count = countOf(x, axes);
  const estimate = mean(x, axes, true);
  const rough = graph.detach(sub(x, estimate));
  const excess = graph.reduce('sum', rough, axes);
  const offset = div(excess, count);
  // Where a value or the mean is infinite there is nothing to correct.
  const error = graph.where(
    graph.binary('eq', sub(offset, offset), constantLike(0, offset)),
    offset,
    constantLike(0, offset),
  );
  const center = add(estimate, error);
  const deviation = sub(x, center);
  const squares = sub(graph.reduce('sum', square(rough), axes), mul(offset, excess));
  // Rounding may leave less than 0.
  const value = graph.binary('max', squares, constantLike(0, squares));
  return {
    mean: center,
    deviation,
    squares: graph.custom(value, [deviation], {
      name: 'sum of squares',
      backward: (gradient) => [mul(deviation, mul(gradient, 2))],
    }),
  };
}

/** sum((x - mean)^2) / max(0, n - correction): see `moments`. */
export function variance(source: Node, axes?: Axes, { correction = 1, keepdim = false }: VarianceOptions = {}): Node {
  const list = normalizeAxes(axes, source.shape.length, 'variance');
  return inSingle(floating(source), (x) => {
    const freedom = countOf(x, list) - correction;
    const { deviation, squares } = moments(x, list);
    // PyTorch's, also without degrees of freedom: infinite, and NaN at the mean.
    const infinite = (): Node =>
      graph.where(
        graph.binary('eq', deviation, constantLike(0, x)),
        constantLike(Number.NaN, x),
        constantLike(Number.POSITIVE_INFINITY, x),
      );
    const value = graph.custom(div(graph.detach(squares), Math.max(0, freedom)), [x], {
      name: 'variance',
      backward: (gradient) => [
        axes === undefined && freedom <= 0 ? mul(infinite(), gradient) : mul(deviation, mul(gradient, 2 / freedom)),
      ],
    });
    return drop(value, list, keepdim);
  });
}

/** The square root of `variance`. Its derivative is 0 where it is 0. */
export function std(source: Node, axes?: Axes, options?: VarianceOptions): Node {
  if (axes !== undefined) normalizeAxes(axes, source.shape.length, 'std');
  const squared = variance(source, axes, options);
  return graph.custom(sqrt(squared), [squared], {
    name: 'std',
    backward: (gradient, _inputs, y) => {
      const zero = constantLike(0, y);
      return [graph.where(graph.binary('eq', y, zero), zero, div(gradient, mul(y, 2)))];
    },
  });
}

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

function positionOfLargest(op: string, source: Node, axis: number | undefined, keepdim: boolean): Node {
  const axes = normalizeAxes(axis, source.shape.length, op);
  if (countOf(source, axes) === 0)
    throw new RangeError(`${op}: no elements to choose from: shape ${formatShape(source.shape)}, axis ${axes.join()}`);
  const x = source.dtype === 'bool' ? graph.cast(source, 'i32') : source;
  const fromEnd = firstPosition(x, graph.reduce('max', x, axes), axes);
  const last = countOf(x, axes) - 1;
  return declareRange(sub(last, drop(fromEnd, axes, keepdim)), [0, last]);
}

/** The position of the largest value along `axis` (without one, in the flat tensor), i32: the first of equal ones, or of the first NaN. */
export const argmax = (source: Node, axis?: number, keepdim = false): Node =>
  positionOfLargest('argmax', source, axis, keepdim);

/** The position of the smallest value along `axis` (without one, in the flat tensor), i32: the first of equal ones, or of the first NaN. */
export const argmin = (source: Node, axis?: number, keepdim = false): Node =>
  positionOfLargest(
    'argmin',
    isFloat(source.dtype) ? graph.unary('neg', source) : complement(graph.cast(source, 'i32')),
    axis,
    keepdim,
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
