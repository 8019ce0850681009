/** What the linear algebra of small matrices is written with: checks, and products that `autocast` does not touch. */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { nth } from '../../kernel/nth.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../../kernel/shape.ts';
import { broadcastTo } from '../operand.ts';

export const rowCount = (matrix: Node): number => nth(matrix.shape, matrix.shape.length - 2);
export const columnCount = (matrix: Node): number => nth(matrix.shape, matrix.shape.length - 1);
export const batchOf = (matrix: Node): Shape => matrix.shape.slice(0, -2);

/** Refuses what is not a stack of matrices of f32 or f64. */
export function checkMatrix(op: string, matrix: Node): void {
  if (matrix.dtype !== 'f32' && matrix.dtype !== 'f64')
    throw new RangeError(`${op}: needs f32 or f64, got ${matrix.dtype} ${formatShape(matrix.shape)}; cast first`);
  if (matrix.shape.length < 2)
    throw new RangeError(`${op}: needs at least two dimensions, got ${formatShape(matrix.shape)}`);
}

export function checkSquare(op: string, matrix: Node): void {
  checkMatrix(op, matrix);
  if (rowCount(matrix) !== columnCount(matrix))
    throw new RangeError(`${op}: needs square matrices, got ${formatShape(matrix.shape)}`);
}

/** The last two axes exchanged. */
export function turned(matrix: Node): Node {
  const rank = matrix.shape.length;
  const axes = matrix.shape.map((_, k) => k);
  return graph.permute(matrix, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** [..., m, k] x [..., k, n] -> [..., m, n]; leading axes broadcast. */
export function product(a: Node, b: Node): Node {
  const batch = broadcastShapes(batchOf(a), batchOf(b), 'matmul');
  const rank = batch.length;
  const lead = batch.map((_, k) => k);
  const wide = (node: Node): Node => broadcastTo(node, [...batch, ...node.shape.slice(-2)], 'matmul');
  return graph.contract(wide(a), wide(b), {
    a: [...lead, rank, rank + 2],
    b: [...lead, rank + 2, rank + 1],
    out: [...lead, rank, rank + 1],
  });
}

/** Ones on the diagonal of a stack of square matrices. */
export function identity(batch: Shape, n: number, dtype: Node['dtype']): Node {
  const shape = [...batch, n, n];
  const rank = shape.length;
  return graph.cast(graph.binary('eq', graph.iota(shape, rank - 2), graph.iota(shape, rank - 1)), dtype);
}

/** Rows `from` to before `to`. */
export const rowRange = (matrix: Node, from: number, to: number): Node => range(matrix, 2, from, to);

/** Columns `from` to before `to`. */
export const columnRange = (matrix: Node, from: number, to: number): Node => range(matrix, 1, from, to);

function range(matrix: Node, fromEnd: number, from: number, to: number): Node {
  const axis = matrix.shape.length - fromEnd;
  return graph.shrink(
    matrix,
    matrix.shape.map((_, k) => (k === axis ? from : 0)),
    matrix.shape.map((n, k) => (k === axis ? to : n)),
  );
}

/** A column [..., n, 1] or a number [..., 1, 1] in the shape of a matrix. */
export const spread = (node: Node, like: Node): Node => graph.expand(node, like.shape);

export const numberLike = (value: number, like: Node): Node => graph.constant(value, like.shape, like.dtype);

/** Whether there is nothing to compute. */
export const isEmpty = (node: Node): boolean => sizeOf(node.shape) === 0;

export const plus = (a: Node, b: Node): Node => graph.binary('add', a, b);
export const minus = (a: Node, b: Node): Node => graph.binary('add', a, graph.unary('neg', b));
export const times = (a: Node, b: Node): Node => graph.binary('mul', a, b);
export const negative = (a: Node): Node => graph.unary('neg', a);
export const inverted = (a: Node): Node => graph.unary('recip', a);
