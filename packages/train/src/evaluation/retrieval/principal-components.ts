/** The directions in which points differ most, and where the points lie along them. */
export interface Projection {
  /** Row-major [N, count]. */
  readonly coordinates: Float64Array;
  /** Share of the whole variance in each direction, largest first. */
  readonly shares: readonly number[];
}

/** More directions than are asked for are followed: the wanted ones are found by ratios to the variance of the first that is not. */
const extra = 6;
const rounds = 60;

/**
 * Principal components of points, by subspace iteration with a Rayleigh-Ritz step (Golub and Van Loan, Matrix Computations, section
 * 8.2): the covariance X'X is never formed. Deterministic; each direction points to where its largest coordinate is positive.
 *
 * @param points row-major [N, dims]
 * @param count of directions
 * @returns zeros for directions in which nothing varies
 */
export function principalComponents(points: ArrayLike<number>, dims: number, count: number): Projection {
  const rows = points.length / dims;
  if (!Number.isInteger(rows) || rows < 1)
    throw new RangeError(`principalComponents: ${points.length} numbers are no points of ${dims}`);
  const x = centred(points, rows, dims);
  const total = x.reduce((sum, value) => sum + value * value, 0);
  const width = Math.min(count + extra, dims);
  let basis = startingBasis(dims, width);
  for (let round = 0; round < rounds; round++) {
    const image = product(x, rows, dims, basis, width);
    basis = orthonormal(transposedProduct(x, rows, dims, image, width), dims, width);
  }
  const image = product(x, rows, dims, basis, width);
  const { values, vectors } = symmetricEigen(transposedProduct(image, rows, width, image, width), width);
  const coordinates = new Float64Array(rows * count);
  const shares = Array.from({ length: count }, (_, k) => (k < width && total > 0 ? Math.max(0, values[k]) / total : 0));
  for (let k = 0; k < Math.min(count, width); k++) {
    const along = product(image, rows, width, column(vectors, width, k), 1);
    const extreme = along.reduce((most, value) => (Math.abs(value) > Math.abs(most) * (1 + 1e-9) ? value : most), 0);
    for (let row = 0; row < rows; row++) coordinates[row * count + k] = extreme < 0 ? -along[row] : along[row];
  }
  return { coordinates, shares };
}

function centred(points: ArrayLike<number>, rows: number, dims: number): Float64Array {
  const x = Float64Array.from(points);
  for (let k = 0; k < dims; k++) {
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += x[row * dims + k] / rows;
    for (let row = 0; row < rows; row++) x[row * dims + k] -= mean;
  }
  return x;
}

/** Directions without a pattern: multiples of the golden ratio, cut to their fractions. */
const startingBasis = (dims: number, width: number): Float64Array =>
  orthonormal(
    Float64Array.from({ length: dims * width }, (_, k) => (((k + 1) * 0.6180339887498949) % 1) - 0.5 + Math.sin(k * k)),
    dims,
    width,
  );

/** a [n, m] times b [m, p]. */
function product(a: Float64Array, n: number, m: number, b: Float64Array, p: number): Float64Array {
  const out = new Float64Array(n * p);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      const factor = a[i * m + k];
      for (let j = 0; j < p; j++) out[i * p + j] += factor * b[k * p + j];
    }
  return out;
}

/** a' [m, n] times b [n, p], of a [n, m]. */
function transposedProduct(a: Float64Array, n: number, m: number, b: Float64Array, p: number): Float64Array {
  const out = new Float64Array(m * p);
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      const factor = a[i * m + k];
      for (let j = 0; j < p; j++) out[k * p + j] += factor * b[i * p + j];
    }
  return out;
}

const column = (matrix: Float64Array, width: number, k: number): Float64Array =>
  Float64Array.from({ length: matrix.length / width }, (_, row) => matrix[row * width + k]);

/**
 * Columns of [n, p] as orthonormal ones, by Gram-Schmidt done twice, which is enough for rounding (Giraud and others 2005). What lies in
 * the span of the columns before it becomes 0.
 */
function orthonormal(matrix: Float64Array, n: number, p: number): Float64Array {
  const out = Float64Array.from(matrix);
  const dot = (i: number, j: number): number => {
    let sum = 0;
    for (let row = 0; row < n; row++) sum += out[row * p + i] * out[row * p + j];
    return sum;
  };
  for (let j = 0; j < p; j++) {
    const before = Math.sqrt(dot(j, j));
    for (let pass = 0; pass < 2; pass++)
      for (let i = 0; i < j; i++) {
        const along = dot(i, j);
        for (let row = 0; row < n; row++) out[row * p + j] -= along * out[row * p + i];
      }
    const norm = Math.sqrt(dot(j, j));
    const scale = norm > 1e-12 * before && norm > 0 ? 1 / norm : 0;
    for (let row = 0; row < n; row++) out[row * p + j] *= scale;
  }
  return out;
}

/**
 * Eigenvalues, largest first, and eigenvectors (columns) of a small symmetric matrix, by Jacobi's rotations (Golub and Van Loan,
 * section 8.5).
 *
 * @param matrix row-major [n, n]
 */
export function symmetricEigen(matrix: Float64Array, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 1 : 0));
  const size = a.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) off += a[i * n + j] ** 2;
    if (off <= 1e-30 * size) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, k) => k).sort((i, j) => a[j * n + j] - a[i * n + i]);
  return {
    values: Float64Array.from(order, (k) => a[k * n + k]),
    vectors: Float64Array.from({ length: n * n }, (_, k) => v[Math.floor(k / n) * n + order[k % n]]),
  };
}

/** Turns the axes p and q so that a[p, q] becomes 0: a becomes J'aJ, v becomes vJ. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = a[p * n + q];
  if (apq === 0) return;
  const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  const turn = (matrix: Float64Array, at: number, beside: number): void => {
    const [x, y] = [matrix[at], matrix[beside]];
    matrix[at] = cosine * x - sine * y;
    matrix[beside] = sine * x + cosine * y;
  };
  for (let k = 0; k < n; k++) turn(a, k * n + p, k * n + q);
  for (let k = 0; k < n; k++) turn(a, p * n + k, q * n + k);
  for (let k = 0; k < n; k++) turn(v, k * n + p, k * n + q);
}
