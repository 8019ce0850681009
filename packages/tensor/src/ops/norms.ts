/**
 * Norms of vectors and matrices, of every order. Where a power or a root has no finite derivative at 0, the root never sees 0, so that
 * the gradient there is 0 as in PyTorch.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, normalizeAxis } from '../kernel/shape.ts';
import { inSingle } from './autocast.ts';
import { type Axes, normalizeAxes } from './axes.ts';
import { abs, div, mul, pow } from './elementwise.ts';
import { broadcastTo, constantLike } from './operand.ts';
import { amax, amin, norm as euclidean, sum } from './reductions.ts';

export interface NormOptions {
  readonly keepdim?: boolean;
  /** The elements are cast to this dtype first. */
  readonly dtype?: DType;
}

/** `yes` where x is 0, else `f(x)`, which never sees 0. */
function exceptAtZero(x: Node, value: number, f: (x: Node) => Node): Node {
  const isZero = graph.binary('eq', x, constantLike(0, x));
  return graph.where(isZero, constantLike(value, x), f(graph.where(isZero, constantLike(1, x), x)));
}

function realNumbers(op: string, source: Node, dtype: DType | undefined): Node {
  const x = dtype === undefined ? source : graph.cast(source, dtype);
  if (!isFloat(x.dtype))
    throw new RangeError(`${op}: needs floating-point numbers, got ${x.dtype} ${formatShape(x.shape)}; cast first`);
  return x;
}

/** (sum |x|^p)^(1/p), and its limits for p = 0 (the count of elements that are not 0), infinity and -infinity. */
export function vectorNorm(source: Node, order = 2, axes?: Axes, { keepdim = false, dtype }: NormOptions = {}): Node {
  if (Number.isNaN(order)) throw new RangeError('vectorNorm: the order must be a number or infinite, got NaN');
  const list = normalizeAxes(
    Array.isArray(axes) && axes.length === 0 ? undefined : scalarAxes(source, axes),
    source.shape.length,
    'vectorNorm',
  );
  return inSingle(realNumbers('vectorNorm', source, dtype), (x) => normOf(x, order, list, keepdim));
}

/** A scalar has axis 0 (and -1), along which it is one element. */
const scalarAxes = (source: Node, axes: Axes | undefined): Axes | undefined =>
  source.shape.length === 0 && (axes === 0 || axes === -1) ? undefined : axes;

function normOf(x: Node, order: number, axes: readonly number[], keepdim: boolean): Node {
  const empty = axes.some((axis) => x.shape[axis] === 0);
  if (order < 0 && empty)
    throw new RangeError(`vectorNorm: order ${order} of no elements is not defined: shape ${formatShape(x.shape)}`);
  if (order === 2) return euclidean(x, axes, keepdim);
  if (order === 0) {
    const isZero = graph.binary('eq', x, constantLike(0, x));
    const count = graph.where(isZero, constantLike(0, x), constantLike(1, x));
    // Constant almost everywhere: its derivative is 0, and not missing.
    const counted = graph.custom(count, [x], { name: 'count', backward: (gradient) => [constantLike(0, gradient)] });
    return sum(counted, axes, keepdim);
  }
  const size = abs(x);
  if (order === Number.POSITIVE_INFINITY) {
    if (empty)
      throw new RangeError(`vectorNorm: order ${order} of no elements is not defined: shape ${formatShape(x.shape)}`);
    return amax(size, axes, keepdim);
  }
  if (order === Number.NEGATIVE_INFINITY) return amin(size, axes, keepdim);
  if (order === 1) return sum(size, axes, keepdim);
  const powers = exceptAtZero(size, order > 0 ? 0 : Number.POSITIVE_INFINITY, (value) => pow(value, order));
  return exceptAtZero(sum(powers, axes, keepdim), order > 0 ? 0 : Number.POSITIVE_INFINITY, (total) =>
    pow(total, 1 / order),
  );
}

/** The orders of matrix norms that need no singular values. */
export type MatrixOrder = 'fro' | 'nuc' | number;

/** Two axes, the first of which is the rows'. */
export type MatrixAxes = readonly [rows: number, columns: number];

/**
 * 'fro': the Euclidean norm of all elements. 1, -1: the largest, smallest sum of a column's magnitudes. Infinity, -infinity: of a row's.
 * `singularValues` serves the other orders: 2, -2 (the largest, smallest singular value) and 'nuc' (their sum).
 */
export function matrixNorm(
  source: Node,
  order: MatrixOrder,
  axes: MatrixAxes,
  { keepdim = false, dtype }: NormOptions,
  singularValues: (matrices: Node) => Node,
): Node {
  const x = realNumbers('matrixNorm', source, dtype);
  const rank = x.shape.length;
  if (rank < 2) throw new RangeError(`matrixNorm: needs at least two dimensions, got ${formatShape(x.shape)}`);
  const [rows, columns] = axes.map((axis) => normalizeAxis(axis, rank, 'matrixNorm')) as [number, number];
  if (rows === columns) throw new RangeError(`matrixNorm: the axes ${axes.join(' and ')} must differ`);
  const finish = (reduced: Node): Node =>
    keepdim
      ? reduced
      : graph.reshape(
          reduced,
          reduced.shape.filter((_, axis) => axis !== rows && axis !== columns),
        );
  if (order === 'fro') return euclidean(x, [rows, columns], keepdim);
  if (order === 'nuc' || order === 2 || order === -2) {
    const rest = x.shape.map((_, axis) => axis).filter((axis) => axis !== rows && axis !== columns);
    const values = singularValues(graph.permute(x, [...rest, rows, columns]));
    const reduced = order === 'nuc' ? sum(values, -1) : order === 2 ? amax(values, -1) : amin(values, -1);
    const kept = x.shape.map((n, axis) => (axis === rows || axis === columns ? 1 : n));
    return keepdim ? graph.reshape(reduced, kept) : reduced;
  }
  const across = new Map([
    [1, rows],
    [-1, rows],
    [Number.POSITIVE_INFINITY, columns],
    [Number.NEGATIVE_INFINITY, columns],
  ]).get(order);
  if (across === undefined)
    throw new RangeError(
      `matrixNorm: the order must be 'fro', 'nuc', 1, -1, 2, -2, infinity or -infinity, got ${String(order)}`,
    );
  return inSingle(x, (wide) => {
    const sums = sum(abs(wide), across, true);
    const along = across === rows ? columns : rows;
    return finish(order > 0 ? amax(sums, along, true) : amin(sums, along, true));
  });
}

/** Slices along `axis` whose norm is larger than `maxnorm` are scaled down to it. */
export function renorm(source: Node, order: number, axis: number, maxnorm: number): Node {
  const x = realNumbers('renorm', source, undefined);
  if (!(order > 0)) throw new RangeError(`renorm: the order must be positive, got ${order}`);
  if (!(maxnorm >= 0)) throw new RangeError(`renorm: maxnorm must be at least 0, got ${maxnorm}`);
  if (x.shape.length < 2) throw new RangeError(`renorm: needs at least two dimensions, got ${formatShape(x.shape)}`);
  const along = normalizeAxis(axis, x.shape.length, 'renorm');
  const others = x.shape.map((_, k) => k).filter((k) => k !== along);
  const norms = vectorNorm(x, order, others, { keepdim: true });
  const limit = constantLike(maxnorm, norms);
  const factor = graph.where(
    graph.binary('lt', limit, norms),
    div(limit, graph.binary('add', norms, constantLike(1e-7, norms))),
    constantLike(1, norms),
  );
  return mul(x, broadcastTo(factor, x.shape));
}

/** `vectorNorm` without an order or along one axis, `matrixNorm` along two. */
export function norm(
  source: Node,
  order: MatrixOrder | undefined,
  axes: Axes | undefined,
  options: NormOptions,
  singularValues: (matrices: Node) => Node,
): Node {
  const list = typeof axes === 'number' ? [axes] : axes;
  const rank = source.shape.length;
  if (order === undefined) return vectorNorm(source, 2, list, options);
  if (list === undefined && rank > 2)
    throw new RangeError(
      `norm: with an order and no axes, needs a vector or a matrix, got ${formatShape(source.shape)}`,
    );
  const count = list?.length ?? rank;
  if (count > 2) throw new RangeError(`norm: takes one or two axes, got [${list?.join(', ')}]`);
  if (count === 2)
    return matrixNorm(source, order, [nth(list ?? [0, 1], 0), nth(list ?? [0, 1], 1)], options, singularValues);
  if (typeof order !== 'number')
    throw new RangeError(
      `norm: order '${order}' needs a matrix, got ${formatShape(source.shape)} along [${list?.join(', ') ?? ''}]`,
    );
  return vectorNorm(source, order, list, options);
}
