/**
 * Triangular systems. The inverse is built from the diagonal outwards: the inverses of two neighboring diagonal blocks A, C and the block B
 * below A make that of the block of both, [[A, 0], [B, C]]^-1 = [[A^-1, 0], [-C^-1 B A^-1, C^-1]]. All blocks of one size are computed at
 * once, so that a matrix of n rows takes log2(n) steps of batched products.
 */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { broadcastShapes, formatShape } from '../../kernel/shape.ts';
import { diagonal } from '../arranging.ts';
import { tril, triu } from '../creation.ts';
import { broadcastTo } from '../operand.ts';
import {
  batchOf,
  checkMatrix,
  checkSquare,
  columnCount,
  identity,
  inverted,
  isEmpty,
  negative,
  plus,
  product,
  rowCount,
  turned,
} from './matrices.ts';

/** Fills a stack of matrices up to `size` rows and columns, with ones on the new part of the diagonal. */
function grow(matrix: Node, size: number): Node {
  const n = rowCount(matrix);
  if (n === size) return matrix;
  const none = batchOf(matrix).map(() => 0);
  const padded = graph.pad(matrix, [...none, 0, 0], [...none, size - n, size - n]);
  const corner = identity(batchOf(matrix), size - n, matrix.dtype);
  return plus(padded, graph.pad(corner, [...none, n, n], [...none, 0, 0]));
}

/** The inverse of lower triangular matrices. What is above the diagonal is ignored. */
function inverseOfLower(lower: Node, unit: boolean): Node {
  const n = rowCount(lower);
  const size = 2 ** Math.ceil(Math.log2(n));
  const matrix = graph.materialize(grow(lower, size));
  const batch = batchOf(lower);
  const rank = batch.length;
  const pivots = graph.reshape(diagonal(matrix, 0, -2, -1), [...batch, size, 1, 1]);
  let inverse = unit ? graph.constant(1, pivots.shape, pivots.dtype) : inverted(pivots);
  for (let s = 1; s < size; s *= 2) {
    const count = size / (2 * s);
    // [..., block, half, row, block, half, column]: of each diagonal block, the lower left quarter.
    const cut = graph.reshape(matrix, [...batch, count, 2, s, count, 2, s]);
    const lead = batch.map((n) => n);
    const start = [...batch.map(() => 0), 0, 1, 0, 0, 0, 0];
    const quarter = graph.reshape(graph.shrink(cut, start, [...lead, count, 2, s, count, 1, s]), [
      ...batch,
      count,
      s,
      count,
      s,
    ]);
    // [..., row, column, block] -> [..., block, row, column]
    const blocks = diagonal(graph.materialize(quarter), 0, rank, rank + 2);
    const order = [...batch.map((_, k) => k), rank + 2, rank, rank + 1];
    const below = graph.permute(blocks, order);
    const pairs = graph.reshape(inverse, [...batch, count, 2, s, s]);
    const half = (k: number): Node =>
      graph.reshape(graph.shrink(pairs, [...batch.map(() => 0), 0, k, 0, 0], [...lead, count, k + 1, s, s]), [
        ...batch,
        count,
        s,
        s,
      ]);
    const [first, second] = [half(0), half(1)];
    const corner = negative(product(product(second, below), first));
    const zero = graph.constant(0, first.shape, first.dtype);
    inverse = graph.concat([graph.concat([first, zero], rank + 2), graph.concat([corner, second], rank + 2)], rank + 1);
  }
  const whole = graph.reshape(inverse, [...batch, size, size]);
  const origin = whole.shape.map(() => 0);
  return graph.shrink(whole, origin, lower.shape);
}

export interface TriangularOptions {
  /** Whether the matrix is upper triangular. */
  readonly upper: boolean;
  /** Whether A X = B is solved, or X A = B. Default: true. */
  readonly left?: boolean;
  /** Whether the diagonal counts as ones. */
  readonly unitriangular?: boolean;
}

/** The inverse of triangular matrices, without a derivative of its own. */
const inverseOfTriangular = (matrix: Node, upper: boolean, unit = false): Node =>
  upper ? turned(inverseOfLower(turned(matrix), unit)) : inverseOfLower(matrix, unit);

/** X of A X = B (or X A = B) for triangular A. Only the named triangle of A is read. */
export function solveTriangular(
  matrix: Node,
  right: Node,
  { upper, left = true, unitriangular = false }: TriangularOptions,
): Node {
  const op = 'linalg.solveTriangular';
  checkSquare(op, matrix);
  checkMatrix(op, right);
  const n = rowCount(matrix);
  if ((left ? rowCount(right) : columnCount(right)) !== n || matrix.dtype !== right.dtype)
    throw new RangeError(
      `${op}: ${matrix.dtype} ${formatShape(matrix.shape)} does not fit the right side ${right.dtype} ${formatShape(right.shape)}`,
    );
  const batch = broadcastShapes(batchOf(matrix), batchOf(right), op);
  const [a, b] = [matrix, right].map((node) => broadcastTo(node, [...batch, ...node.shape.slice(-2)], op)) as [
    Node,
    Node,
  ];
  if (isEmpty(b)) return b;
  if (!left) return turned(solved(turned(a), turned(b), !upper, unitriangular));
  return solved(a, b, upper, unitriangular);
}

function solved(a: Node, b: Node, upper: boolean, unit: boolean): Node {
  const inverse = inverseOfTriangular(graph.detach(a), upper, unit);
  return graph.custom(graph.detach(product(inverse, graph.detach(b))), [a, b], {
    name: 'linalg.solveTriangular',
    backward: (gradient, [matrix], x) => {
      const ofB = solved(turned(matrix as Node), gradient, !upper, unit);
      const ofA = negative(product(ofB, turned(x)));
      return [upper ? triu(ofA, unit ? 1 : 0) : tril(ofA, unit ? -1 : 0), ofB];
    },
  });
}

/** The elements on the diagonal, [..., n]. */
export const diagonalOf = (matrix: Node): Node => diagonal(matrix, 0, -2, -1);
