/** Element types. Storage of `bool` is one byte, 0 or 1. Computation on `u8` and `bool` happens in 32-bit integers. */
export type DType = 'f32' | 'f64' | 'i32' | 'u8' | 'bool';

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

interface DTypeInfo {
  readonly bytes: number;
  readonly float: boolean;
  readonly array: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray;
  /** Type promotion: the larger rank of two operands wins. */
  readonly rank: number;
}

export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  bool: { bytes: 1, float: false, array: Uint8Array, rank: 0 },
  u8: { bytes: 1, float: false, array: Uint8Array, rank: 1 },
  i32: { bytes: 4, float: false, array: Int32Array, rank: 2 },
  f32: { bytes: 4, float: true, array: Float32Array, rank: 3 },
  f64: { bytes: 8, float: true, array: Float64Array, rank: 4 },
};

export const isDType = (value: unknown): value is DType => typeof value === 'string' && Object.hasOwn(dtypes, value);
export const bytesOf = (dtype: DType): number => dtypes[dtype].bytes;
export const isFloat = (dtype: DType): boolean => dtypes[dtype].float;
export const promote = (a: DType, b: DType): DType => (dtypes[a].rank >= dtypes[b].rank ? a : b);

/** A zero-filled array of `length` elements. */
export function allocateArray(dtype: DType, length: number): TypedArray {
  return new dtypes[dtype].array(new ArrayBuffer(length * bytesOf(dtype)), 0, length);
}

/** Elements of `dtype` seen in `buffer`, without a copy. */
export function viewArray(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  return new dtypes[dtype].array(buffer, byteOffset, length);
}

/** Towards 0, saturating; NaN gives 0. */
const truncate = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(x))) + 0;

/** A number as an element of each dtype: what `cast` does, and what constants and data go through. */
export const castNumber: Readonly<Record<DType, (x: number) => number>> = {
  f32: Math.fround,
  f64: (x) => x,
  i32: truncate,
  u8: (x) => truncate(x) & 255,
  bool: (x) => Number(x !== 0),
};
