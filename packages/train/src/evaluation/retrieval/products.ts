/** Inner products and lengths of rows of features, in plain TypeScript: the base of all similarities and distances. */

/** Size of the block of rows of `b` that stays in the cache while all rows of `a` are multiplied with it. */
const BLOCK_BYTES = 512 * 1024;

/**
 * All inner products of the rows of `a` [m, dims] with the rows of `b` [n, dims], both row-major: a Float64Array [m, n].
 *
 * Each one is summed in f64 from the first to the last dimension. So equal rows have equal products, and if the rows of `b` are reordered,
 * the same numbers come out in the new order.
 */
export function innerProducts(a: Float32Array, b: Float32Array, dims: number): Float64Array {
  const m = rowCount(a, dims);
  const n = rowCount(b, dims);
  const out = new Float64Array(m * n);
  const block = Math.max(2, Math.floor(BLOCK_BYTES / (4 * dims)) & ~1);
  for (let start = 0; start < n; start += block) {
    const end = Math.min(start + block, n);
    for (let i = 0; i < m; i += 4) {
      // A tile that reaches past the end computes the last row several times, with the same result.
      const rows = [i, Math.min(i + 1, m - 1), Math.min(i + 2, m - 1), Math.min(i + 3, m - 1)] as const;
      for (let j = start; j < end; j += 2) productTile(a, b, dims, rows, j, Math.min(j + 1, end - 1), out, n);
    }
  }
  return out;
}

/** Four rows of `a` times two rows of `b`: eight sums in registers, three reads for every four multiplications. */
function productTile(
  a: Float32Array,
  b: Float32Array,
  dims: number,
  [i0, i1, i2, i3]: readonly [number, number, number, number],
  j0: number,
  j1: number,
  out: Float64Array,
  stride: number,
): void {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  const a0 = i0 * dims;
  const a1 = i1 * dims;
  const a2 = i2 * dims;
  const a3 = i3 * dims;
  const b0 = j0 * dims;
  const b1 = j1 * dims;
  // The innermost loop of retrieval: `innerProducts` has checked that the arrays consist of whole rows.
  for (let d = 0; d < dims; d++) {
    const x0 = a[a0 + d] as number;
    const x1 = a[a1 + d] as number;
    const x2 = a[a2 + d] as number;
    const x3 = a[a3 + d] as number;
    const y0 = b[b0 + d] as number;
    const y1 = b[b1 + d] as number;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s30 += x3 * y0;
    s31 += x3 * y1;
  }
  out[i0 * stride + j0] = s00;
  out[i0 * stride + j1] = s01;
  out[i1 * stride + j0] = s10;
  out[i1 * stride + j1] = s11;
  out[i2 * stride + j0] = s20;
  out[i2 * stride + j1] = s21;
  out[i3 * stride + j0] = s30;
  out[i3 * stride + j1] = s31;
}

/** The number of rows of a row-major array [rows, dims]. @throws RangeError where `dims` does not divide the length */
export function rowCount(values: { readonly length: number }, dims: number): number {
  if (!Number.isInteger(dims) || dims < 1 || values.length % dims !== 0) {
    throw new RangeError(`${values.length} values is not a multiple of ${dims} dimensions`);
  }
  return values.length / dims;
}

/** The row at an index of a row-major array [rows, dims]. It shares the array's memory. */
export const rowAt = <Values extends Float32Array | Float64Array>(values: Values, row: number, dims: number): Values =>
  values.subarray(row * dims, (row + 1) * dims) as Values;

/** The sum of the squares of the values, in f64 from the first to the last. */
export function squaredLength(values: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    sum += value * value;
  }
  return sum;
}

/**
 * A copy in which each row has Euclidean length 1. Rows of zeros stay.
 *
 * @throws where a value is not finite; the message names the row
 */
export function normalizeRows(values: Float32Array, dims: number, what = 'features'): Float32Array {
  const rows = rowCount(values, dims);
  const out = values.slice();
  for (let row = 0; row < rows; row++) {
    const own = rowAt(out, row, dims);
    const squares = squaredLength(own);
    if (!Number.isFinite(squares)) throw new Error(`${what}: row ${row} contains a value that is not finite`);
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let k = 0; k < dims; k++) own[k] = (own[k] as number) * scale;
  }
  return out;
}
