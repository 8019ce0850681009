/** Element types: their sizes, promotion, and conversions between numbers and elements in memory. */
import {
  bfloat16ToFloat32,
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from './float16.ts';

/**
 * Element types. A `bool` is stored as one byte, 0 or 1. `u8` and `bool` are computed in 32-bit integers. `f16` (IEEE 754 binary16) and
 * `bf16` (bfloat16) exist in memory only, with two bytes per element: they are computed in f32, and a value is rounded to nearest, ties
 * to even, when it is stored or cast.
 */
export type DType = 'f32' | 'f64' | 'f16' | 'bf16' | 'i32' | 'u8' | 'bool';

/** The dtypes that values are computed in. */
export type ComputeDType = Exclude<DType, HalfDType>;

/** The floating-point types of two bytes. */
export type HalfDType = 'f16' | 'bf16';

/** `Uint16Array` holds the bit patterns of f16 and bf16 on their way to and from a backend; users see their values as f32. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array;

interface DTypeInfo {
  readonly bytes: number;
  readonly float: boolean;
  /** The array of elements as they are stored. */
  readonly array: new (
    buffer: ArrayBufferLike,
    byteOffset: number,
    length: number,
  ) => TypedArray;
  /** Type promotion: the larger rank of two operands wins. */
  readonly rank: number;
}

export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  bool: { bytes: 1, float: false, array: Uint8Array, rank: 0 },
  u8: { bytes: 1, float: false, array: Uint8Array, rank: 1 },
  i32: { bytes: 4, float: false, array: Int32Array, rank: 2 },
  f16: { bytes: 2, float: true, array: Uint16Array, rank: 3 },
  bf16: { bytes: 2, float: true, array: Uint16Array, rank: 3 },
  f32: { bytes: 4, float: true, array: Float32Array, rank: 4 },
  f64: { bytes: 8, float: true, array: Float64Array, rank: 5 },
};

export const isDType = (value: unknown): value is DType => typeof value === 'string' && Object.hasOwn(dtypes, value);
/** Names of other libraries for dtypes, or for the nearest one that there is. */
const otherNames: Readonly<Record<string, DType>> = {
  float: 'f32',
  float32: 'f32',
  double: 'f64',
  float64: 'f64',
  half: 'f16',
  float16: 'f16',
  bfloat16: 'bf16',
  int: 'i32',
  int32: 'i32',
  int64: 'i32',
  i64: 'i32',
  long: 'i32',
  uint8: 'u8',
  byte: 'u8',
  boolean: 'bool',
};

/** Throws a TypeError that names `op`, and the dtype that was meant, unless `dtype` is one. */
export function checkDType(dtype: unknown, op: string): asserts dtype is DType {
  if (isDType(dtype)) return;
  const meant = Object.hasOwn(otherNames, String(dtype)) ? `; use '${otherNames[String(dtype)]}'` : '';
  const given = typeof dtype === 'string' ? `'${dtype}'` : String(dtype);
  throw new TypeError(`${op}: the dtype must be one of ${Object.keys(dtypes).join(', ')}, got ${given}${meant}`);
}

export const bytesOf = (dtype: DType): number => dtypes[dtype].bytes;

/** The largest finite number of each floating-point dtype. */
export const largestFinite: Readonly<Partial<Record<DType, number>>> = {
  f16: 65504,
  bf16: 2 ** 127 * (2 - 2 ** -7),
  f32: 2 ** 127 * (2 - 2 ** -23),
  f64: Number.MAX_VALUE,
};

export const isFloat = (dtype: DType): boolean => dtypes[dtype].float;
export const isHalf = (dtype: DType): dtype is HalfDType => dtype === 'f16' || dtype === 'bf16';

/** The dtype that values are computed in, and handed to JavaScript in: f32 for f16 and bf16. */
export const computeDType = (dtype: DType): ComputeDType => (isHalf(dtype) ? 'f32' : dtype);

/** The smallest dtype that both convert to, by PyTorch's rules: of f16 and bf16, f32. */
export function promote(a: DType, b: DType): DType {
  if (a !== b && isHalf(a) && isHalf(b)) return 'f32';
  return dtypes[a].rank >= dtypes[b].rank ? a : b;
}

/** A zero-filled array of `length` elements as they are stored. */
export function allocateArray(dtype: DType, length: number): TypedArray {
  return new dtypes[dtype].array(new ArrayBuffer(length * bytesOf(dtype)), 0, length);
}

/** A view of elements of `dtype` in `buffer`, without a copy. */
export function viewArray(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  return new dtypes[dtype].array(buffer, byteOffset, length);
}

/** Rounds towards 0 and saturates; NaN becomes 0. */
const truncate = (x: number): number =>
  Number.isNaN(x) ? 0 : Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(x))) + 0;

/** Converts a number to the value that each dtype holds, as `cast` does; f16 and bf16 by way of f32. */
export const castNumber: Readonly<Record<DType, (x: number) => number>> = {
  f16: (x) => decodeFloat16(encodeFloat16(x)),
  bf16: (x) => decodeBfloat16(encodeBfloat16(x)),
  f32: Math.fround,
  f64: (x) => x,
  i32: truncate,
  u8: (x) => truncate(x) & 255,
  bool: (x) => Number(x !== 0),
};

const halfCodes = {
  f16: { encode: encodeFloat16, decode: decodeFloat16 },
  bf16: { encode: encodeBfloat16, decode: decodeBfloat16 },
} as const satisfies Record<HalfDType, object>;

/** Converts between a number and an element in memory, which is a bit pattern for f16 and bf16. */
export const elementCode = (dtype: DType): { encode(x: number): number; decode(stored: number): number } =>
  isHalf(dtype) ? halfCodes[dtype] : { encode: (x) => x, decode: (x) => x };

const halfArrays = {
  f16: { encode: float32ToFloat16, decode: float16ToFloat32 },
  bf16: { encode: float32ToBfloat16, decode: bfloat16ToFloat32 },
} as const satisfies Record<HalfDType, object>;

/** Converts numbers (an array of `computeDType(dtype)`) to elements in memory; returns the array itself where they are the same. */
export function encodeArray(dtype: DType, values: TypedArray): TypedArray {
  return isHalf(dtype) ? halfArrays[dtype].encode(values as Float32Array) : values;
}

/** Converts elements in memory to numbers, an array of `computeDType(dtype)`; returns the array itself where they are the same. */
export function decodeArray(dtype: DType, stored: TypedArray): TypedArray {
  return isHalf(dtype) ? halfArrays[dtype].decode(stored as Uint16Array) : stored;
}
