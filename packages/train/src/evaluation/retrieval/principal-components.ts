/** Principal components of a set of points, for drawing features in a plane. */
import { Matrix } from './matrix.ts';

/** The directions in which points differ most, and the points' coordinates along them. */
export interface Projection {
  /** N rows of `count` numbers. */
  readonly coordinates: readonly (readonly number[])[];
  /** Share of the total variance in each direction, largest first. */
  readonly shares: readonly number[];
}

/**
 * The iteration uses this many more directions than are requested: how fast a direction converges depends on the ratio of its variance to
 * that of the first direction that is left out.
 */
const extra = 6;
const rounds = 60;

/**
 * Principal components of points, by subspace iteration with a Rayleigh-Ritz step (Golub and Van Loan, Matrix Computations, section
 * 8.2): the covariance X'X is never formed. Deterministic; the sign of each direction makes its largest coordinate positive.
 *
 * @param points row-major [N, dims]
 * @param count number of directions
 * @returns zeros for directions in which nothing varies
 */
export function principalComponents(points: ArrayLike<number>, dims: number, count: number): Projection {
  const rows = points.length / dims;
  if (!Number.isInteger(rows) || rows < 1)
    throw new RangeError(
      `principalComponents: ${points.length} values is not a positive multiple of ${dims} dimensions`,
    );
  const x = centered(Matrix.of(rows, dims, points));
  const total = x.squaredNorm();
  const width = Math.min(count + extra, dims);
  let basis = startingBasis(dims, width);
  for (let round = 0; round < rounds; round++) basis = orthonormal(x.transposedTimes(x.times(basis)));
  const image = x.times(basis);
  const pairs = symmetricEigen(image.transposedTimes(image));
  const axes = Array.from({ length: count }, (_, k) => {
    const pair = pairs[k];
    if (pair === undefined) return { share: 0, along: new Array<number>(rows).fill(0) };
    const along = image.times(Matrix.of(width, 1, pair.vector)).column(0);
    const extreme = along.reduce((most, value) => (Math.abs(value) > Math.abs(most) * (1 + 1e-9) ? value : most), 0);
    return {
      share: total > 0 ? Math.max(0, pair.value) / total : 0,
      along: extreme < 0 ? along.map((value) => -value) : along,
    };
  });
  return {
    coordinates: Array.from({ length: rows }, (_, row) => axes.map(({ along }) => along[row] ?? 0)),
    shares: axes.map(({ share }) => share),
  };
}

/** The rows minus their mean. */
function centered(points: Matrix): Matrix {
  const means = Array.from({ length: points.columns }, (_, k) =>
    points.column(k).reduce((mean, value) => mean + value / points.rows, 0),
  );
  return Matrix.from(points.rows, points.columns, (row, k) => points.get(row, k) - (means[k] as number));
}

/** Directions without a pattern: fractional parts of multiples of the golden ratio. */
const startingBasis = (dims: number, width: number): Matrix =>
  orthonormal(
    Matrix.from(dims, width, (row, column) => {
      const k = row * width + column;
      return (((k + 1) * 0.6180339887498949) % 1) - 0.5 + Math.sin(k * k);
    }),
  );

/**
 * Orthonormal columns that span the same space, by Gram-Schmidt done twice, which suffices for rounding (Giraud et al. 2005). A column in
 * the span of the columns before it becomes 0.
 */
function orthonormal(matrix: Matrix): Matrix {
  const out = matrix.copy();
  const { rows, columns } = out;
  const dot = (i: number, j: number): number => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += out.get(row, i) * out.get(row, j);
    return sum;
  };
  for (let j = 0; j < columns; j++) {
    const before = Math.sqrt(dot(j, j));
    for (let pass = 0; pass < 2; pass++)
      for (let i = 0; i < j; i++) {
        const along = dot(i, j);
        for (let row = 0; row < rows; row++) out.set(row, j, out.get(row, j) - along * out.get(row, i));
      }
    const norm = Math.sqrt(dot(j, j));
    const scale = norm > 1e-12 * before && norm > 0 ? 1 / norm : 0;
    for (let row = 0; row < rows; row++) out.set(row, j, out.get(row, j) * scale);
  }
  return out;
}

export interface Eigenpair {
  readonly value: number;
  readonly vector: readonly number[];
}

/**
 * The eigenvalues of a small symmetric matrix [n, n], largest first, with their eigenvectors, by Jacobi's rotations (Golub and Van Loan,
 * section 8.5).
 */
export function symmetricEigen(matrix: Matrix): Eigenpair[] {
  const n = matrix.rows;
  const a = matrix.copy();
  const v = Matrix.from(n, n, (i, j) => (i === j ? 1 : 0));
  const size = a.squaredNorm();
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a.get(i, j) ** 2;
    if (off <= 1e-30 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  return Array.from({ length: n }, (_, k) => ({ value: a.get(k, k), vector: v.column(k) })).sort(
    (first, second) => second.value - first.value,
  );
}

/** Rotates the axes p and q so that a[p, q] becomes 0: a becomes J'aJ, v becomes vJ. */
function rotate(a: Matrix, v: Matrix, p: number, q: number): void {
  const apq = a.get(p, q);
  if (apq === 0) return;
  const theta = (a.get(q, q) - a.get(p, p)) / (2 * apq);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  const rotateColumns = (matrix: Matrix): void => {
    for (let k = 0; k < matrix.rows; k++) {
      const [x, y] = [matrix.get(k, p), matrix.get(k, q)];
      matrix.set(k, p, cosine * x - sine * y);
      matrix.set(k, q, sine * x + cosine * y);
    }
  };
  rotateColumns(a);
  for (let k = 0; k < a.columns; k++) {
    const [x, y] = [a.get(p, k), a.get(q, k)];
    a.set(p, k, cosine * x - sine * y);
    a.set(q, k, sine * x + cosine * y);
  }
  rotateColumns(v);
}
