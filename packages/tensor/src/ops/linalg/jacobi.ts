/**
 * Singular values and eigenvalues of small matrices, by one-sided Jacobi rotations (Hestenes, 1958): pairs of columns are rotated until all
 * are orthogonal. Half of all columns are rotated with the other half at once, and the columns then move on as the players of a
 * tournament, so that after n - 1 rounds every column has met every other.
 */

import * as graph from '../../graph/graph.ts';
import type { Node } from '../../graph/node.ts';
import { orderOfRows, takeFromRows } from '../order.ts';
import {
  batchOf,
  checkMatrix,
  checkSquare,
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
import { diagonalOf } from './triangular.ts';

/** Sweeps over all pairs. Convergence is quadratic: six to eight are enough for f64 at these sizes. */
const sweepsFor = (n: number): number => 6 + Math.ceil(Math.log2(Math.max(2, n)) / 2);

const sumOfColumns = (node: Node): Node => graph.reduce('sum', node, [node.shape.length - 2]);

/** Rotates each column of the first half with its partner in the second, so that both are orthogonal in their first `rows` rows. */
function rotatePairs(both: Node, rows: number): Node {
  const half = columnCount(both) / 2;
  const [x, y] = [columnRange(both, 0, half), columnRange(both, half, 2 * half)];
  const [top, bottom] = [rowRange(x, 0, rows), rowRange(y, 0, rows)];
  const a = sumOfColumns(times(top, top));
  const b = sumOfColumns(times(bottom, bottom));
  const c = sumOfColumns(times(top, bottom));
  const zero = numberLike(0, c);
  const one = numberLike(1, c);
  const orthogonal = graph.binary('eq', c, zero);
  const zeta = times(minus(b, a), inverted(graph.where(orthogonal, one, plus(c, c))));
  const size = graph.binary('max', zeta, negative(zeta));
  const steep = inverted(plus(size, graph.unary('sqrt', plus(one, times(zeta, zeta)))));
  const tangent = graph.where(orthogonal, zero, graph.where(graph.binary('lt', zeta, zero), negative(steep), steep));
  const cosine = inverted(graph.unary('sqrt', plus(one, times(tangent, tangent))));
  const sine = times(cosine, tangent);
  const turn = (first: Node, f: Node, second: Node, s: Node): Node =>
    plus(times(first, spread(f, first)), times(second, spread(s, second)));
  const [cs, sn] = [graph.materialize(cosine), graph.materialize(sine)];
  return moveOn(turn(x, cs, y, negative(sn)), turn(x, sn, y, cs));
}

/** The first column of the first half stays, all others move on by one place around both halves. */
function moveOn(first: Node, second: Node): Node {
  const half = columnCount(first);
  if (half === 1) return graph.concat([first, second], first.shape.length - 1);
  return graph.concat(
    [
      columnRange(first, 0, 1),
      columnRange(second, 0, 1),
      columnRange(first, 1, half - 1),
      columnRange(second, 1, half),
      columnRange(first, half - 1, half),
    ],
    first.shape.length - 1,
  );
}

interface Factors {
  /** [..., m, n], orthogonal columns of length 1 (0 where the singular value is 0). */
  readonly u: Node;
  /** [..., 1, n], descending. */
  readonly s: Node;
  /** [..., n, n] */
  readonly v: Node;
}

/** The decomposition of matrices with at least as many rows as columns. No derivative. */
function decompose(matrix: Node): Factors {
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const batch = batchOf(matrix);
  const axis = matrix.shape.length - 1;
  const even = n + (n % 2);
  const none = batch.map(() => 0);
  const stacked = graph.concat([matrix, identity(batch, n, matrix.dtype)], axis - 1);
  let both = graph.materialize(graph.pad(stacked, [...none, 0, 0], [...none, 0, even - n]));
  if (n > 1)
    for (let round = 0; round < sweepsFor(n) * (even - 1); round++) both = graph.materialize(rotatePairs(both, m));
  const top = rowRange(both, 0, m);
  const lengths = graph.unary('sqrt', sumOfColumns(times(top, top)));
  // A column that was added is 0 in the identity too, and comes last: it is smaller than everything that was there.
  const added = graph.binary(
    'eq',
    sumOfColumns(times(rowRange(both, m, m + n), rowRange(both, m, m + n))),
    numberLike(0, lengths),
  );
  const keys = graph.where(added, numberLike(-1, lengths), lengths);
  const order = columnRange(graph.materialize(orderOfRows(keys, true)), 0, n);
  const sorted = (rows: Node): Node => {
    const count = rowCount(rows);
    const positions = graph.expand(order, [...batch, count, n]);
    return takeFromRows(graph.materialize(rows), positions);
  };
  const s = sorted(lengths);
  const isZero = graph.binary('eq', s, numberLike(0, s));
  const scale = graph.where(isZero, numberLike(0, s), inverted(graph.where(isZero, numberLike(1, s), s)));
  const left = sorted(top);
  return { u: times(left, spread(scale, left)), s, v: sorted(rowRange(both, m, m + n)) };
}

/** 1 / x, and 0 where x is 0. */
function inverseOrZero(x: Node): Node {
  const isZero = graph.binary('eq', x, numberLike(0, x));
  return graph.where(isZero, numberLike(0, x), inverted(graph.where(isZero, numberLike(1, x), x)));
}

/** [..., 1, n] as rows of [..., n, n], and as columns. */
const asRows = (row: Node, n: number): Node => graph.expand(row, [...batchOf(row), n, n]);
const asColumns = (row: Node, n: number): Node => graph.expand(turned(row), [...batchOf(row), n, n]);

const antisymmetric = (x: Node): Node => minus(x, turned(x));

export interface Svd<T> {
  readonly u: T;
  /** Descending, [..., k]. */
  readonly s: T;
  /** The transpose of V, [..., k, n]. */
  readonly vh: T;
}

/**
 * The derivative of the thin decomposition (Townsend, "Differentiating the singular value decomposition", 2016). Where two singular values
 * are equal, that of the vectors is not defined, and counts as 0.
 */
function tallSvd(matrix: Node): { u: Node; s: Node; v: Node } {
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const { u, s, v } = decompose(graph.detach(matrix));
  const packed = graph.custom(graph.detach(graph.concat([u, v, s], matrix.shape.length - 2)), [matrix], {
    name: 'linalg.svd',
    backward: (gradient, _inputs, y) => {
      const parts = (node: Node): [Node, Node, Node] => [
        rowRange(node, 0, m),
        rowRange(node, m, m + n),
        rowRange(node, m + n, m + n + 1),
      ];
      const [left, right, values] = parts(y);
      const [ofU, ofV, ofS] = parts(gradient);
      const squares = times(values, values);
      const gap = inverseOrZero(minus(asRows(squares, n), asColumns(squares, n)));
      const [leftInner, rightInner] = [product(turned(left), ofU), product(turned(right), ofV)];
      const core = plus(
        plus(
          times(times(antisymmetric(leftInner), gap), asRows(values, n)),
          times(asColumns(values, n), times(antisymmetric(rightInner), gap)),
        ),
        times(identity(batchOf(values), n, values.dtype), asRows(ofS, n)),
      );
      const scale = inverseOrZero(values);
      const outside = (node: Node, basis: Node): Node => minus(node, product(basis, product(turned(basis), node)));
      const ofLeft = outside(ofU, left);
      const ofRight = outside(ofV, right);
      const scaledLeft = times(ofLeft, spread(scale, ofLeft));
      const scaledRight = times(ofRight, spread(scale, ofRight));
      const inner = plus(product(left, core), scaledLeft);
      return [plus(product(inner, turned(right)), product(left, turned(scaledRight)))];
    },
  });
  return { u: rowRange(packed, 0, m), v: rowRange(packed, m, m + n), s: rowRange(packed, m + n, m + n + 1) };
}

const asVector = (row: Node): Node => graph.reshape(row, [...batchOf(row), columnCount(row)]);

/** A = U diag(S) V^T, thin: [..., m, k], [..., k], [..., k, n] with k = min(m, n). */
export function svd(matrix: Node): Svd<Node> {
  checkMatrix('linalg.svd', matrix);
  const [m, n] = [rowCount(matrix), columnCount(matrix)];
  const batch = batchOf(matrix);
  const k = Math.min(m, n);
  if (isEmpty(matrix)) {
    const nothing = (shape: readonly number[]): Node => graph.constant(0, [...batch, ...shape], matrix.dtype);
    return { u: nothing([m, k]), s: nothing([k]), vh: nothing([k, n]) };
  }
  if (m >= n) {
    const { u, s, v } = tallSvd(matrix);
    return { u, s: asVector(s), vh: turned(v) };
  }
  const { u, s, v } = tallSvd(turned(matrix));
  return { u: v, s: asVector(s), vh: turned(u) };
}

export const singularValues = (matrix: Node): Node => svd(matrix).s;

/** The inverse, or of a matrix without one the closest to it: singular values up to `rtol` times the largest count as 0. */
export function pinv(matrix: Node, rtol?: number): Node {
  const { u, s, vh } = svd(matrix);
  if (isEmpty(matrix)) return turned(matrix);
  const limit =
    rtol ?? Math.max(rowCount(matrix), columnCount(matrix)) * (matrix.dtype === 'f64' ? 2 ** -52 : 2 ** -23);
  const largest = graph.reduce('max', s, [s.shape.length - 1]);
  const bound = graph.expand(times(largest, numberLike(limit, largest)), s.shape);
  const kept = graph.binary('lt', graph.detach(bound), s);
  const scale = graph.where(kept, inverted(graph.where(kept, s, numberLike(1, s))), numberLike(0, s));
  const v = turned(vh);
  const row = graph.reshape(scale, [...batchOf(matrix), 1, scale.shape.at(-1) as number]);
  return product(times(v, spread(row, v)), turned(u));
}

export interface Eigh<T> {
  /** Ascending, [..., n]. */
  readonly eigenvalues: T;
  /** One vector in each column, [..., n, n]. */
  readonly eigenvectors: T;
}

/**
 * Of symmetric matrices, of which one triangle is read. With its norm added to the diagonal a symmetric matrix is positive semidefinite, and
 * its singular vectors are the eigenvectors.
 */
export function eigh(matrix: Node, { upper = false }: { readonly upper?: boolean } = {}): Eigh<Node> {
  checkSquare('linalg.eigh', matrix);
  const n = rowCount(matrix);
  if (isEmpty(matrix))
    return { eigenvalues: graph.constant(0, matrix.shape.slice(0, -1), matrix.dtype), eigenvectors: matrix };
  const source = graph.detach(matrix);
  const rank = source.shape.length;
  const above = graph.binary('lt', graph.iota(source.shape, rank - 2), graph.iota(source.shape, rank - 1));
  const [first, second] = upper ? [source, turned(source)] : [turned(source), source];
  const symmetric = graph.materialize(graph.where(above, first, second));
  const norm = graph.unary('sqrt', graph.reduce('sum', times(symmetric, symmetric), [rank - 2, rank - 1]));
  const shift = times(identity(batchOf(source), n, source.dtype), spread(norm, source));
  const vectors = graph.flip(decompose(plus(symmetric, shift)).v, [rank - 1]);
  const stored = graph.materialize(vectors);
  const values = diagonalOf(product(turned(stored), product(symmetric, stored)));
  const row = graph.reshape(values, [...batchOf(source), 1, n]);
  const packed = graph.custom(graph.detach(graph.concat([stored, row], rank - 2)), [matrix], {
    name: 'linalg.eigh',
    backward: (gradient, _inputs, y) => {
      const [v, l] = [rowRange(y, 0, n), rowRange(y, n, n + 1)];
      const [ofV, ofL] = [rowRange(gradient, 0, n), rowRange(gradient, n, n + 1)];
      const gap = inverseOrZero(minus(asRows(l, n), asColumns(l, n)));
      const inner = plus(times(product(turned(v), ofV), gap), times(identity(batchOf(l), n, l.dtype), asRows(ofL, n)));
      return [product(product(v, inner), turned(v))];
    },
  });
  return { eigenvalues: asVector(rowRange(packed, n, n + 1)), eigenvectors: rowRange(packed, 0, n) };
}
