/**
 * Systems of equations, inverses, determinants and powers of small square matrices. Values come from the QR decomposition, derivatives
 * from closed formulas (Giles, "Collected matrix derivative results", 2008). A singular matrix has no inverse: results are infinite or NaN.
 */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { isFloat } from '../../kernel/dtype.ts';
import { broadcastShapes, formatShape, sameShape } from '../../kernel/shape.ts';
import { lastAt } from '../along.ts';
import { abs, log, sign as signOf } from '../elementwise.ts';
import { matmul } from '../linear-algebra.ts';
import { broadcastTo } from '../operand.ts';
import { sum } from '../reductions.ts';
import { prod } from '../summaries.ts';
import {
  batchOf,
  checkMatrix,
  checkSquare,
  identity,
  isEmpty,
  minus,
  negative,
  plus,
  product,
  rowCount,
  spread,
  times,
  turned,
} from './matrices.ts';
import { reflect, solveByReflections } from './qr.ts';
import { diagonalOf } from './triangular.ts';

function solved(a: Node, b: Node): Node {
  return graph.custom(graph.detach(solveByReflections(graph.detach(a), graph.detach(b))), [a, b], {
    name: 'linalg.solve',
    backward: (gradient, [matrix], x) => {
      const ofB = solved(turned(matrix as Node), gradient);
      return [negative(product(ofB, turned(x))), ofB];
    },
  });
}

/** X of A X = B, or X A = B. B is a stack of vectors where its shape is that of A without the last axis. */
export function solve(matrix: Node, right: Node, { left = true }: { readonly left?: boolean } = {}): Node {
  const op = 'linalg.solve';
  checkSquare(op, matrix);
  const n = rowCount(matrix);
  const isVector = right.shape.length === 1 || sameShape(right.shape, matrix.shape.slice(0, -1));
  if (isVector && !left)
    throw new RangeError(`${op}: vectors stand on the right side of A x = b only: left must be true`);
  const columns = isVector ? graph.reshape(right, [...right.shape, 1]) : right;
  checkMatrix(op, columns);
  const inner = columns.shape.at(left ? -2 : -1);
  if (inner !== n || matrix.dtype !== right.dtype)
    throw new RangeError(
      `${op}: ${matrix.dtype} ${formatShape(matrix.shape)} does not fit the right side ${right.dtype} ${formatShape(right.shape)}`,
    );
  const batch = broadcastShapes(batchOf(matrix), batchOf(columns), op);
  const wide = (node: Node): Node => broadcastTo(node, [...batch, ...node.shape.slice(-2)], op);
  const [a, b] = [wide(matrix), wide(columns)];
  const x = isEmpty(b) ? b : left ? solved(a, b) : turned(solved(turned(a), turned(b)));
  return isVector ? graph.reshape(x, x.shape.slice(0, -1)) : x;
}

/** A^-1. d(A^-1) = -A^-1 dA A^-1. */
export function inverse(matrix: Node): Node {
  checkSquare('linalg.inv', matrix);
  if (isEmpty(matrix)) return matrix;
  const n = rowCount(matrix);
  const value = solveByReflections(graph.detach(matrix), identity(batchOf(matrix), n, matrix.dtype));
  return graph.custom(graph.detach(value), [matrix], {
    name: 'linalg.inv',
    backward: (gradient, _inputs, y) => [negative(product(product(turned(y), gradient), turned(y)))],
  });
}

/** [..., 1] numbers of a matrix as [...] numbers. */
const numbers = (node: Node, matrix: Node): Node => graph.reshape(node, batchOf(matrix));

/** The element in a row and column of each matrix, [...]. */
const entry = (matrix: Node, row: number, column: number): Node => {
  const flat = graph.reshape(matrix, [...batchOf(matrix), rowCount(matrix) ** 2]);
  return lastAt(flat, row * rowCount(matrix) + column);
};

/** The determinant of up to three rows, written out: singular matrices have derivatives too. */
function smallDeterminant(matrix: Node): Node {
  const at = (row: number, column: number): Node => entry(matrix, row, column);
  const minor = (r: number, s: number, a: number, b: number): Node =>
    minus(times(at(r, a), at(s, b)), times(at(r, b), at(s, a)));
  switch (rowCount(matrix)) {
    case 0:
      return graph.constant(1, batchOf(matrix), matrix.dtype);
    case 1:
      return at(0, 0);
    case 2:
      return minor(0, 1, 0, 1);
    default:
      return plus(
        minus(times(at(0, 0), minor(1, 2, 1, 2)), times(at(0, 1), minor(1, 2, 0, 2))),
        times(at(0, 2), minor(1, 2, 0, 1)),
      );
  }
}

/** A number for each matrix, spread over it. */
const overMatrix = (value: Node, matrix: Node): Node =>
  spread(graph.reshape(value, [...batchOf(matrix), 1, 1]), matrix);

/** d(det A) = det A tr(A^-1 dA). */
export function determinant(matrix: Node): Node {
  checkSquare('linalg.det', matrix);
  if (rowCount(matrix) <= 3) return smallDeterminant(matrix);
  if (isEmpty(matrix)) return graph.constant(1, batchOf(matrix), matrix.dtype);
  const { r, sign } = reflect(graph.detach(matrix));
  const value = times(prod(diagonalOf(r), -1), numbers(sign, matrix));
  return graph.custom(graph.detach(value), [matrix], {
    name: 'linalg.det',
    backward: (gradient, [a], y) => {
      const input = a as Node;
      return [times(overMatrix(times(gradient, y), input), turned(inverse(input)))];
    },
  });
}

/** The sign and the logarithm of the magnitude of the determinant. */
export function slogdet(matrix: Node): { readonly sign: Node; readonly logabsdet: Node } {
  checkSquare('linalg.slogdet', matrix);
  if (isEmpty(matrix))
    return {
      sign: graph.constant(1, batchOf(matrix), matrix.dtype),
      logabsdet: graph.constant(0, batchOf(matrix), matrix.dtype),
    };
  const { r, sign } = reflect(graph.detach(matrix));
  const pivots = diagonalOf(r);
  const value = sum(log(abs(pivots)), -1);
  const logabsdet = graph.custom(graph.detach(value), [matrix], {
    name: 'linalg.slogdet',
    backward: (gradient, [a]) => {
      const input = a as Node;
      return [times(overMatrix(gradient, input), turned(inverse(input)))];
    },
  });
  return { sign: graph.detach(times(prod(signOf(pivots), -1), numbers(sign, matrix))), logabsdet };
}

/** A^n by repeated squaring; the inverse is raised for negative n. */
export function matrixPower(matrix: Node, n: number): Node {
  const op = 'linalg.matrixPower';
  if (!Number.isInteger(n)) throw new RangeError(`${op}: the exponent must be a whole number, got ${n}`);
  if (matrix.shape.length < 2 || matrix.shape.at(-1) !== matrix.shape.at(-2))
    throw new RangeError(`${op}: needs square matrices, got ${formatShape(matrix.shape)}`);
  if (n < 0) return matrixPower(inverse(matrix), -n);
  if (n === 0) {
    const ones = identity(batchOf(matrix), rowCount(matrix), matrix.dtype);
    return isFloat(matrix.dtype) ? ones : graph.cast(ones, matrix.dtype);
  }
  if (n === 1) return matrix;
  const half = matrixPower(matrix, Math.floor(n / 2));
  const even = matmul(half, half);
  return n % 2 === 0 ? even : matmul(even, matrix);
}
