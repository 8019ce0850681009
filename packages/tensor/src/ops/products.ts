/** Products of vectors and matrices under the names that PyTorch has for them, and products of more than two tensors. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../kernel/shape.ts';
import { narrow } from './arranging.ts';
import { add, mul, sub } from './elementwise.ts';
import { concat } from './indexing.ts';
import { matmul, outer } from './linear-algebra.ts';
import { broadcastTo } from './operand.ts';
import { sum } from './reductions.ts';

const describe = (a: Node, b: Node): string => `${formatShape(a.shape)} x ${formatShape(b.shape)}`;

/** A product of operands of fixed rank, with inner sizes that must agree. */
function checked(
  op: string,
  a: Node,
  b: Node,
  ranks: readonly [number, number],
  inner: readonly [number, number],
): void {
  if (a.shape.length !== ranks[0] || b.shape.length !== ranks[1])
    throw new RangeError(`${op}: ${describe(a, b)}: needs tensors of ${ranks[0]} and ${ranks[1]} dimensions`);
  const [x, y] = [a.shape[inner[0]], b.shape[inner[1]]];
  if (x !== y) throw new RangeError(`${op}: ${describe(a, b)}: inner sizes ${x} and ${y} differ`);
}

export function dot(a: Node, b: Node): Node {
  checked('dot', a, b, [1, 1], [0, 0]);
  return matmul(a, b);
}

export function mv(a: Node, b: Node): Node {
  checked('mv', a, b, [2, 1], [1, 0]);
  return matmul(a, b);
}

export function mm(a: Node, b: Node): Node {
  checked('mm', a, b, [2, 2], [1, 0]);
  return matmul(a, b);
}

export function bmm(a: Node, b: Node): Node {
  checked('bmm', a, b, [3, 3], [2, 1]);
  if (a.shape[0] !== b.shape[0])
    throw new RangeError(`bmm: ${describe(a, b)}: batch sizes ${a.shape[0]} and ${b.shape[0]} differ`);
  return matmul(a, b);
}

/** The sum of products over the last axes: [..., k] x [more..., k] -> [..., more...]. With a scalar, the product. */
export function inner(a: Node, b: Node): Node {
  if (a.shape.length === 0 || b.shape.length === 0) return mul(a, b);
  const [k, other] = [a.shape.at(-1), b.shape.at(-1)];
  if (k !== other) throw new RangeError(`inner: ${describe(a, b)}: last sizes ${k} and ${other} differ`);
  return tensordot(a, b, [[-1], [-1]]);
}

/** beta * input + alpha * product. With beta = 0 the input is ignored, even if it is NaN. */
export interface AddProductOptions {
  readonly beta?: number;
  readonly alpha?: number;
}

function addProduct(op: string, input: Node, product: Node, { beta = 1, alpha = 1 }: AddProductOptions): Node {
  for (const [name, factor] of [
    ['beta', beta],
    ['alpha', alpha],
  ] as const)
    if (!isFloat(product.dtype) && !Number.isInteger(factor))
      throw new RangeError(`${op}: ${name} must be a whole number for ${product.dtype}, got ${factor}`);
  const scaled = alpha === 1 ? product : mul(product, alpha);
  const wide = broadcastTo(input, product.shape, op);
  const total = beta === 0 ? scaled : add(beta === 1 ? wide : mul(wide, beta), scaled);
  return product.dtype === 'bool' ? graph.cast(total, 'bool') : total;
}

export const addmm = (input: Node, a: Node, b: Node, options: AddProductOptions = {}): Node =>
  addProduct('addmm', input, mm(a, b), options);
export const addmv = (input: Node, a: Node, b: Node, options: AddProductOptions = {}): Node =>
  addProduct('addmv', input, mv(a, b), options);
export const baddbmm = (input: Node, a: Node, b: Node, options: AddProductOptions = {}): Node =>
  addProduct('baddbmm', input, bmm(a, b), options);
export const addbmm = (input: Node, a: Node, b: Node, options: AddProductOptions = {}): Node => {
  const product = bmm(a, b);
  return addProduct('addbmm', input, graph.cast(sum(product, 0), product.dtype), options);
};
export function addr(input: Node, a: Node, b: Node, options: AddProductOptions = {}): Node {
  if (a.shape.length !== 1 || b.shape.length !== 1) throw new RangeError(`addr: ${describe(a, b)}: needs two vectors`);
  return addProduct('addr', input, outer(a, b), options);
}

/** The axes that are summed over: the last `n` and the first `n`, or lists of axes of either tensor. */
export type TensordotAxes = number | readonly [readonly number[], readonly number[]];

export function tensordot(a: Node, b: Node, axes: TensordotAxes = 2): Node {
  const [ofA, ofB] =
    typeof axes === 'number'
      ? [Array.from({ length: axes }, (_, k) => a.shape.length - axes + k), Array.from({ length: axes }, (_, k) => k)]
      : axes;
  if (
    typeof axes === 'number' &&
    (!Number.isInteger(axes) || axes < 0 || axes > Math.min(a.shape.length, b.shape.length))
  )
    throw new RangeError(`tensordot: ${describe(a, b)}: cannot sum over ${axes} axes`);
  if (ofA.length !== ofB.length)
    throw new RangeError(`tensordot: [${ofA.join(', ')}] and [${ofB.join(', ')}] must have the same length`);
  const x = ofA.map((axis) => normalizeAxis(axis, a.shape.length, 'tensordot'));
  const y = ofB.map((axis) => normalizeAxis(axis, b.shape.length, 'tensordot'));
  x.forEach((axis, k) => {
    const [n, m] = [a.shape[axis], b.shape[nth(y, k)]];
    if (n !== m && n !== 1 && m !== 1)
      throw new RangeError(`tensordot: ${describe(a, b)}: sizes ${n} and ${m} of summed axes differ`);
  });
  // An axis of size 1 broadcasts: the other one is summed first.
  const summedWhere = (node: Node, own: readonly number[], other: Node, others: readonly number[]): Node => {
    const axes = own.filter((axis, k) => node.shape[axis] !== 1 && other.shape[nth(others, k)] === 1);
    return axes.length === 0 ? node : graph.cast(sum(node, axes, true), node.dtype);
  };
  const [first, second] = [summedWhere(a, x, b, y), summedWhere(b, y, a, x)];
  // Matrices: free axes of `a` x summed, summed x free axes of `b`.
  const freeA = a.shape.map((_, k) => k).filter((k) => !x.includes(k));
  const freeB = b.shape.map((_, k) => k).filter((k) => !y.includes(k));
  const sizes = (node: Node, list: readonly number[]): number[] => list.map((k) => nth(node.shape, k));
  const count = sizeOf(sizes(first, x));
  const left = graph.reshape(graph.permute(first, [...freeA, ...x]), [sizeOf(sizes(a, freeA)), count]);
  const right = graph.reshape(graph.permute(second, [...y, ...freeB]), [count, sizeOf(sizes(b, freeB))]);
  return graph.reshape(matmul(left, right), [...sizes(a, freeA), ...sizes(b, freeB)]);
}

/** The product of matrices in the order with the fewest multiplications. The first and the last may be vectors. */
export function multiDot(matrices: readonly Node[]): Node {
  if (matrices.length < 2) throw new RangeError(`multiDot: needs at least two tensors, got ${matrices.length}`);
  const last = matrices.length - 1;
  const [first, final] = [nth(matrices, 0), nth(matrices, last)];
  const chain = matrices.map((matrix, k) => {
    if (matrix.shape.length === 1 && k === 0) return graph.reshape(matrix, [1, ...matrix.shape]);
    if (matrix.shape.length === 1 && k === last) return graph.reshape(matrix, [...matrix.shape, 1]);
    if (matrix.shape.length !== 2)
      throw new RangeError(
        `multiDot: needs matrices (the first and last may be vectors), got ${formatShape(matrix.shape)}`,
      );
    return matrix;
  });
  chain.slice(1).forEach((matrix, k) => {
    const before = nth(chain, k);
    if (before.shape[1] !== matrix.shape[0])
      throw new RangeError(
        `multiDot: ${describe(before, matrix)}: inner sizes ${before.shape[1]} and ${matrix.shape[0]} differ`,
      );
  });
  const product = cheapestProduct(chain);
  const shape: number[] = [];
  if (first.shape.length === 2) shape.push(nth(product.shape, 0));
  if (final.shape.length === 2) shape.push(nth(product.shape, 1));
  return graph.reshape(product, shape);
}

/** Matrix-chain multiplication by dynamic programming (Cormen et al., Introduction to Algorithms, 14.2). */
function cheapestProduct(chain: readonly Node[]): Node {
  const sizes = [nth(nth(chain, 0).shape, 0), ...chain.map(({ shape }) => nth(shape, 1))];
  const known = new Map<string, { cost: number; split: number }>();
  const best = (from: number, to: number): { cost: number; split: number } => {
    if (to - from === 1) return { cost: 0, split: from };
    const key = `${from} ${to}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    let result = { cost: Number.POSITIVE_INFINITY, split: from + 1 };
    for (let split = from + 1; split < to; split++) {
      const cost =
        best(from, split).cost + best(split, to).cost + nth(sizes, from) * nth(sizes, split) * nth(sizes, to);
      if (cost < result.cost) result = { cost, split };
    }
    known.set(key, result);
    return result;
  };
  const multiply = (from: number, to: number): Node => {
    if (to - from === 1) return nth(chain, from);
    const { split } = best(from, to);
    return matmul(multiply(from, split), multiply(split, to));
  };
  return multiply(0, chain.length);
}

/** Kronecker's product: each element of `a` times the whole of `b`. Missing axes are added in front. */
export function kron(a: Node, b: Node): Node {
  const rank = Math.max(a.shape.length, b.shape.length);
  const padded = ({ shape }: Node): number[] => [...new Array<number>(rank - shape.length).fill(1), ...shape];
  const [x, y] = [padded(a), padded(b)];
  const left = graph.reshape(
    a,
    x.flatMap((n) => [n, 1]),
  );
  const right = graph.reshape(
    b,
    y.flatMap((n) => [1, n]),
  );
  return graph.reshape(
    mul(left, right),
    x.map((n, k) => n * nth(y, k)),
  );
}

/** The axis of the vectors of a cross product: the given one, or the first of size 3. */
function crossAxis(shape: Shape, axis: number | undefined): number {
  const along = axis === undefined ? shape.indexOf(3) : normalizeAxis(axis, shape.length, 'cross');
  if (shape[along] !== 3)
    throw new RangeError(
      `cross: needs an axis of size 3, got ${formatShape(shape)}${axis === undefined ? '' : `, axis ${axis}`}`,
    );
  return along;
}

/** The cross product of vectors of three elements along `axis`. */
export function cross(a: Node, b: Node, axis?: number): Node {
  const product = mul(a, b);
  const along = crossAxis(product.shape, axis);
  for (const { shape } of [a, b])
    if (shape.at(along - product.shape.length) !== 3)
      throw new RangeError(`cross: ${describe(a, b)}: both must have size 3 along axis ${along} of the result`);
  const [x, y] = [broadcastTo(a, product.shape), broadcastTo(b, product.shape)];
  const turned = (node: Node, by: number): Node =>
    concat([narrow(node, along, by, 3 - by), narrow(node, along, 0, by)], along);
  return sub(mul(turned(x, 1), turned(y, 2)), mul(turned(x, 2), turned(y, 1)));
}

/** The sum of products over one axis, which is dropped. */
export const vecdot = (a: Node, b: Node, axis = -1): Node => {
  const product = mul(a, b);
  return graph.cast(sum(product, normalizeAxis(axis, product.shape.length, 'vecdot')), product.dtype);
};
