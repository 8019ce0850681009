/**
 * The QR decomposition of small matrices by Householder's reflections, with the signs of LAPACK, and what is solved with it: systems,
 * inverses, determinants. It needs no pivoting, so that all steps are known before any value is.
 */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { triu } from '../creation.ts';
import {
  batchOf,
  checkMatrix,
  columnCount,
  columnRange,
  identity,
  inverted,
  isEmpty,
  minus,
  negative,
  numberLike,
  plus,
  product,
  rowCount,
  rowRange,
  spread,
  times,
  turned,
} from './matrices.ts';
import { solveTriangular } from './triangular.ts';

interface Reflected {
  /** [..., m, n]: upper triangular. */
  readonly r: Node;
  /** [..., m, m]: the transpose of Q. */
  readonly qt: Node;
  /** [..., 1, 1]: 1 or -1, the determinant of Q. */
  readonly sign: Node;
}

/** Reflects the columns one after the other, and an identity matrix with them. No derivative. */
export function reflect(matrix: Node): Reflected {
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const batch = batchOf(matrix);
  const rows = matrix.shape.length - 2;
  let both = graph.materialize(graph.concat([matrix, identity(batch, m, matrix.dtype)], rows + 1));
  let sign: Node = graph.constant(1, [...batch, 1, 1], matrix.dtype);
  for (let k = 0; k < Math.min(m - 1, n); k++) {
    const column = columnRange(both, k, k + 1);
    const row = graph.iota(column.shape, rows);
    const here = graph.constant(k, column.shape, 'i32');
    const zero = numberLike(0, column);
    const below = graph.where(graph.binary('lt', here, row), column, zero);
    const rest = graph.reduce('sum', times(below, below), [rows]);
    const head = rowRange(column, k, k + 1);
    const done = graph.binary('eq', rest, numberLike(0, rest));
    const length = graph.unary('sqrt', plus(times(head, head), rest));
    const turn = graph.where(graph.binary('lt', head, numberLike(0, head)), length, negative(length));
    // With nothing below the diagonal there is no reflection.
    const one = numberLike(1, turn);
    const safe = graph.where(done, one, turn);
    const tau = graph.where(done, numberLike(0, turn), times(minus(turn, head), inverted(safe)));
    const divisor = graph.where(done, one, minus(head, turn));
    const first = graph.binary('eq', row, here);
    const vector = graph.materialize(
      graph.where(first, numberLike(1, column), times(below, spread(inverted(divisor), column))),
    );
    const factor = graph.materialize(tau);
    const weights = graph.reduce('sum', times(spread(vector, both), both), [rows]);
    const step = times(spread(times(spread(factor, vector), vector), both), spread(weights, both));
    both = graph.materialize(minus(both, step));
    sign = times(sign, graph.where(done, one, numberLike(-1, one)));
  }
  return { r: columnRange(both, 0, n), qt: columnRange(both, n, n + m), sign };
}

export interface QrFactors<T> {
  readonly q: T;
  readonly r: T;
}

/** X + X^T with the diagonal of X. */
const symmetric = (x: Node): Node => plus(x, turned(triu(x, 1)));

/** Q [..., m, n] and R [..., n, n] of a matrix with at least as many rows as columns, as one matrix [Q; R] with a derivative. */
function tallFactors(matrix: Node): QrFactors<Node> {
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const { r, qt } = reflect(graph.detach(matrix));
  const rows = matrix.shape.length - 2;
  const value = graph.concat([turned(rowRange(qt, 0, n)), triu(rowRange(r, 0, n), 0)], rows);
  const packed = graph.custom(graph.detach(value), [matrix], {
    name: 'linalg.qr',
    // dA = (dQ + Q S(triu(dR R^T - Q^T dQ))) R^-T, where S makes an upper triangle symmetric: Walter and Lehmann (2010).
    backward: (gradient, _inputs, y) => {
      const [q, upper] = [rowRange(y, 0, m), rowRange(y, m, m + n)];
      const [ofQ, ofR] = [rowRange(gradient, 0, m), rowRange(gradient, m, m + n)];
      const inner = triu(minus(product(ofR, turned(upper)), product(turned(q), ofQ)), 0);
      const total = plus(ofQ, product(q, symmetric(inner)));
      return [solveTriangular(turned(upper), total, { upper: false, left: false })];
    },
  });
  return { q: rowRange(packed, 0, m), r: rowRange(packed, m, m + n) };
}

const qrModes = ['reduced', 'complete', 'r'] as const;

/** How much of Q is computed: its first min(m, n) columns, all, or nothing. */
export type QrMode = (typeof qrModes)[number];

export function qr(matrix: Node, mode: QrMode = 'reduced'): QrFactors<Node> {
  const op = 'linalg.qr';
  checkMatrix(op, matrix);
  if (!qrModes.includes(mode)) throw new RangeError(`${op}: mode must be ${qrModes.join(', ')}, got '${String(mode)}'`);
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const batch = batchOf(matrix);
  const k = Math.min(m, n);
  if (isEmpty(matrix)) {
    const rows = mode === 'complete' ? m : k;
    const q =
      mode === 'complete' ? identity(batch, m, matrix.dtype) : graph.constant(0, [...batch, m, rows], matrix.dtype);
    return { q: mode === 'r' ? nothing(matrix) : q, r: graph.constant(0, [...batch, rows, n], matrix.dtype) };
  }
  if (mode === 'complete' && m > n) {
    // Without a derivative: the columns of Q beyond n are not determined by the matrix.
    const { r, qt } = reflect(graph.detach(matrix));
    return { q: graph.detach(turned(qt)), r: graph.detach(triu(r, 0)) };
  }
  const { q, r } = m >= n ? tallFactors(matrix) : wideFactors(matrix);
  return { q: mode === 'r' ? nothing(matrix) : q, r };
}

const nothing = (matrix: Node): Node => graph.constant(0, [0], matrix.dtype);

/** The square part on the left determines Q; the rest of R is Q^T times the rest. */
function wideFactors(matrix: Node): QrFactors<Node> {
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const { q, r } = tallFactors(columnRange(matrix, 0, m));
  const rest = product(turned(q), columnRange(matrix, m, n));
  return { q, r: graph.concat([r, rest], matrix.shape.length - 1) };
}

/** A^-1 B for square A, without a derivative. */
export function solveByReflections(matrix: Node, right: Node): Node {
  const { r, qt } = reflect(matrix);
  return solveTriangular(triu(r, 0), product(qt, right), { upper: true });
}
