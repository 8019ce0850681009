/**
 * `linalg`, as PyTorch's `torch.linalg`: norms, and the linear algebra of small matrices. All take matrices of f32 or f64, with any number of
 * leading axes. Decompositions are composed of one or two kernels for each row, which are compiled for each size: they are meant for
 * matrices of up to about 64 rows. Products inside are not affected by `autocast`.
 */

import type { Node } from './graph/node.ts';
import { nodeOf } from './methods/tensor-base.ts';
import type { Axes } from './ops/axes.ts';
import * as ops from './ops/index.ts';
import type { Eigh, QrFactors, QrMode, Svd, TriangularOptions } from './ops/linalg/index.ts';
import type { MatrixAxes, MatrixOrder, NormOptions } from './ops/norms.ts';
import { Tensor } from './tensor.ts';

const wrap = (node: Node): Tensor => Tensor.fromNode(node);

export type { Eigh, MatrixAxes, MatrixOrder, NormOptions, QrFactors, QrMode, Svd, TriangularOptions };

/**
 * (sum |x|^order)^(1/order) over `axes` (default: all), for every order: 0 counts the elements that are not 0, infinity and -infinity are
 * the largest and smallest magnitude. The gradient at 0 is 0.
 */
export const vectorNorm = (source: Tensor, order = 2, axes?: Axes, options?: NormOptions): Tensor =>
  wrap(ops.norms.vectorNorm(nodeOf(source, 'linalg.vectorNorm'), order, axes, options));

/**
 * The norm of matrices, by default of the last two axes. 'fro': the Euclidean norm. 1, -1, infinity, -infinity: the largest or smallest sum
 * of the magnitudes of a column or row. 2, -2, 'nuc': the largest or smallest singular value, or their sum.
 */
export const matrixNorm = (
  source: Tensor,
  order: MatrixOrder = 'fro',
  axes: MatrixAxes = [-2, -1],
  options: NormOptions = {},
): Tensor =>
  wrap(ops.norms.matrixNorm(nodeOf(source, 'linalg.matrixNorm'), order, axes, options, ops.linalg.singularValues));

/** Without an order, the Euclidean norm over `axes`; with one, `vectorNorm` over one axis, `matrixNorm` over two. */
export const norm = (source: Tensor, order?: MatrixOrder, axes?: Axes, options: NormOptions = {}): Tensor =>
  wrap(ops.norms.norm(nodeOf(source, 'linalg.norm'), order, axes, options, ops.linalg.singularValues));

/** The lower triangle L [..., n, n] with A = L L^T (or, with `upper`, its transpose). NaN where A is not positive definite. */
export const cholesky = (matrix: Tensor, options?: { readonly upper?: boolean }): Tensor =>
  wrap(ops.linalg.cholesky(nodeOf(matrix, 'linalg.cholesky'), options));

/**
 * A = Q R. 'reduced' (default): Q [..., m, k], R [..., k, n] with k = min(m, n). 'complete': Q [..., m, m], R [..., m, n], without a
 * derivative if m > n. 'r': R only. Signs are LAPACK's.
 */
export function qr(matrix: Tensor, mode?: QrMode): QrFactors<Tensor> {
  const { q, r } = ops.linalg.qr(nodeOf(matrix, 'linalg.qr'), mode);
  return { q: wrap(q), r: wrap(r) };
}

/**
 * X of A X = B (or, with `left: false`, X A = B) for square A: [..., n, n], [..., n, k] -> [..., n, k]. B is a stack of vectors where its
 * shape is that of A without the last axis. Infinite or NaN where A is singular.
 */
export const solve = (matrix: Tensor, right: Tensor, options?: { readonly left?: boolean }): Tensor =>
  wrap(ops.linalg.solve(nodeOf(matrix, 'linalg.solve'), nodeOf(right, 'linalg.solve'), options));

/** X of A X = B (or X A = B) for triangular A, of which only the named triangle is read. */
export const solveTriangular = (matrix: Tensor, right: Tensor, options: TriangularOptions): Tensor =>
  wrap(
    ops.linalg.solveTriangular(
      nodeOf(matrix, 'linalg.solveTriangular'),
      nodeOf(right, 'linalg.solveTriangular'),
      options,
    ),
  );

/** The inverse. Infinite or NaN where the matrix is singular. */
export const inv = (matrix: Tensor): Tensor => wrap(ops.linalg.inverse(nodeOf(matrix, 'linalg.inv')));

/** The determinant, [...]. From four rows on, the derivative at a singular matrix is not finite. */
export const det = (matrix: Tensor): Tensor => wrap(ops.linalg.determinant(nodeOf(matrix, 'linalg.det')));

/** The sign of the determinant and the logarithm of its magnitude, [...] each: 0 and -infinity for a singular matrix. */
export function slogdet(matrix: Tensor): { readonly sign: Tensor; readonly logabsdet: Tensor } {
  const { sign, logabsdet } = ops.linalg.slogdet(nodeOf(matrix, 'linalg.slogdet'));
  return { sign: wrap(sign), logabsdet: wrap(logabsdet) };
}

/** A^n for a whole number n; the inverse is raised for negative n. */
export const matrixPower = (matrix: Tensor, n: number): Tensor =>
  wrap(ops.linalg.matrixPower(nodeOf(matrix, 'linalg.matrixPower'), n));

/** The product of matrices in the order with the fewest multiplications. The first and the last may be vectors. */
export const multiDot = (matrices: readonly Tensor[]): Tensor =>
  wrap(ops.multiDot(matrices.map((each, k) => nodeOf(each, `linalg.multiDot: tensor ${k}`))));

/** The sum of products along one axis, which is dropped; both broadcast. */
export const vecdot = (a: Tensor, b: Tensor, axis = -1): Tensor =>
  wrap(ops.vecdot(nodeOf(a, 'linalg.vecdot'), nodeOf(b, 'linalg.vecdot'), axis));

/** The cross product of vectors of three elements along `axis`. */
export const cross = (a: Tensor, b: Tensor, axis = -1): Tensor =>
  wrap(ops.cross(nodeOf(a, 'linalg.cross'), nodeOf(b, 'linalg.cross'), axis));

/** Singular values of [..., m, n] in descending order, [..., min(m, n)]. */
export const svdvals = (matrix: Tensor): Tensor => wrap(ops.linalg.singularValues(nodeOf(matrix, 'linalg.svdvals')));

/** A = U diag(S) V^T, thin: U [..., m, k], S [..., k] descending, V^T [..., k, n], with k = min(m, n). The signs of the vectors are arbitrary. */
export function svd(matrix: Tensor): Svd<Tensor> {
  const { u, s, vh } = ops.linalg.svd(nodeOf(matrix, 'linalg.svd'));
  return { u: wrap(u), s: wrap(s), vh: wrap(vh) };
}

/** The Moore-Penrose inverse [..., n, m] of [..., m, n]. Singular values up to `rtol` (default max(m, n) eps) times the largest count as 0. */
export const pinv = (matrix: Tensor, { rtol }: { readonly rtol?: number } = {}): Tensor =>
  wrap(ops.linalg.pinv(nodeOf(matrix, 'linalg.pinv'), rtol));

/** Eigenvalues [..., n], ascending, and eigenvectors (columns) of symmetric matrices, of which the lower (or upper) triangle is read. */
export function eigh(matrix: Tensor, options?: { readonly upper?: boolean }): Eigh<Tensor> {
  const { eigenvalues, eigenvectors } = ops.linalg.eigh(nodeOf(matrix, 'linalg.eigh'), options);
  return { eigenvalues: wrap(eigenvalues), eigenvectors: wrap(eigenvectors) };
}

/** The eigenvalues of `eigh`. */
export const eigvalsh = (matrix: Tensor, options?: { readonly upper?: boolean }): Tensor =>
  eigh(matrix, options).eigenvalues;

/** [..., n] -> [..., n, columns]: ascending powers of each element, from 0 on. Square by default. */
export function vander(source: Tensor, { n }: { readonly n?: number } = {}): Tensor {
  const count = n ?? source.shape.at(-1) ?? 0;
  if (source.ndim === 0 || !Number.isInteger(count) || count < 2)
    throw new RangeError(
      `linalg.vander: needs a vector and at least two columns, got [${source.shape.join(', ')}] and ${count}`,
    );
  return wrap(ops.vander(nodeOf(source, 'linalg.vander'), count, true));
}

/** The number of singular values above `rtol` (default max(m, n) eps) times the largest, i32 [...]. */
export function matrixRank(matrix: Tensor, { rtol }: { readonly rtol?: number } = {}): Tensor {
  const [m = 0, n = 0] = matrix.shape.slice(-2);
  const s = svdvals(matrix);
  if (Math.min(m, n) === 0) return s.sum(-1).cast('i32');
  const limit = rtol ?? Math.max(m, n) * (matrix.dtype === 'f64' ? 2 ** -52 : 2 ** -23);
  return s.gt(s.max(-1, true).mul(limit)).sum(-1);
}

/** The condition number [...]: the norm of a matrix times that of its inverse; by default of order 2, for which it need not be square. */
export function cond(matrix: Tensor, order: MatrixOrder = 2): Tensor {
  if (order !== 2 && order !== -2) return matrixNorm(matrix, order).mul(matrixNorm(inv(matrix), order));
  const s = svdvals(matrix);
  const [largest, smallest] = [s.select(-1, 0), s.select(-1, -1)];
  return order === 2 ? largest.div(smallest) : smallest.div(largest);
}

/**
 * X that minimizes |A X - B|: [..., m, n], [..., m, k] -> [..., n, k]. Where several do, the shortest. By the singular values of A; those up
 * to `rtol` times the largest count as 0.
 */
export const lstsq = (matrix: Tensor, right: Tensor, options?: { readonly rtol?: number }): Tensor =>
  pinv(matrix, options).matmul(right);
