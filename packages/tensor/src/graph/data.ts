/** Converts numbers as users write them, in nested arrays, to and from typed arrays. */

import {
  allocateArray,
  castNumber,
  checkDType,
  computeDType,
  type DType,
  isHalf,
  type TypedArray,
} from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../kernel/shape.ts';

export type NestedArray<T> = readonly (T | NestedArray<T>)[];

/** 64-bit integers, as files and labels have them. */
export type BigIntArray = BigInt64Array | BigUint64Array;

/**
 * A number, nested arrays of numbers or booleans, or a typed array (Float32Array, Float64Array, Int32Array, Uint8Array). 64-bit integers
 * (BigInt64Array, BigUint64Array) become i32, and must fit.
 */
export type TensorData = number | boolean | NestedArray<number | boolean> | TypedArray | BigIntArray;

const isBigIntArray = (data: unknown): data is BigIntArray =>
  data instanceof BigInt64Array || data instanceof BigUint64Array;

const isTypedArray = (data: TensorData): data is TypedArray => ArrayBuffer.isView(data) && !isBigIntArray(data);

/** 64-bit integers as i32. Throws a RangeError that starts with `what` and names the first one that does not fit. */
export function int32FromBigInts(values: BigIntArray, what: string): Int32Array {
  const result = new Int32Array(values.length);
  for (let k = 0; k < values.length; k++) {
    const value = Number(values[k]);
    if (value < -(2 ** 31) || value >= 2 ** 31)
      throw new RangeError(
        `${what}: the 64-bit integer ${values[k]} at position ${k} does not fit i32 (from -2^31 to 2^31 - 1)`,
      );
    result[k] = value;
  }
  return result;
}

/** f32 for numbers, bool for booleans, and for a typed array its own dtype. */
function inferDtype(data: TensorData): DType {
  if (data instanceof Float64Array) return 'f64';
  if (data instanceof Int32Array) return 'i32';
  if (data instanceof Uint8Array) return 'u8';
  let first: unknown = data;
  while (Array.isArray(first)) first = first[0];
  return typeof first === 'boolean' ? 'bool' : 'f32';
}

/** The shape, as far as the first element of each array tells. */
function inferShape(data: TensorData): number[] {
  if (isTypedArray(data)) return [data.length];
  const shape: number[] = [];
  let first: unknown = data;
  while (Array.isArray(first)) {
    shape.push(first.length);
    first = first[0];
  }
  return shape;
}

function flatten(data: NestedArray<number | boolean> | number | boolean, shape: Shape): number[] {
  const flat: number[] = [];
  const visit = (item: NestedArray<number | boolean> | number | boolean, depth: number): void => {
    if (depth === shape.length) {
      if (typeof item !== 'number' && typeof item !== 'boolean')
        throw new RangeError(`tensor: expected a number at depth ${depth}, got ${describe(item)}`);
      flat.push(Number(item));
      return;
    }
    if (!Array.isArray(item) || item.length !== shape[depth])
      throw new RangeError(`tensor: expected ${shape[depth]} elements at depth ${depth}, got ${describe(item)}`);
    for (const element of item) visit(element, depth + 1);
  };
  visit(data, 0);
  return flat;
}

const describe = (item: unknown): string =>
  Array.isArray(item) ? `${item.length} elements` : item === null ? 'null' : typeof item;

/** The values in an array of `computeDType(dtype)`, which may be `data` itself, with their shape and dtype. */
export function parseData(
  given: TensorData,
  shape?: Shape,
  named?: DType,
): { values: TypedArray; shape: Shape; dtype: DType } {
  // f64 holds integers of up to 2^53 exactly; for other dtypes they go by way of i32.
  const data = !isBigIntArray(given)
    ? given
    : named === 'f64'
      ? Float64Array.from(given as BigInt64Array, Number)
      : int32FromBigInts(given, 'tensor');
  const dtype = named ?? inferDtype(data);
  checkDType(dtype, 'tensor');
  if (shape !== undefined) checkShape(shape, 'tensor');
  const own = inferShape(data);
  const flat = isTypedArray(data) ? data : flatten(data, own);
  const result = shape ?? own;
  if (sizeOf(result) !== flat.length)
    throw new RangeError(`tensor: ${flat.length} elements do not fill the shape ${formatShape(result)}`);
  const values = allocateArray(computeDType(dtype), 0);
  if (flat.constructor === values.constructor && dtype !== 'bool' && !isHalf(dtype))
    return { values: flat as TypedArray, shape: result, dtype };
  return { values: convertArray(flat, dtype), shape: result, dtype };
}

/** Converts the numbers as `cast` does, into an array of `computeDType(dtype)`. */
function convertArray(values: ArrayLike<number>, dtype: DType): TypedArray {
  const array = allocateArray(computeDType(dtype), values.length);
  const cast = castNumber[dtype];
  for (let i = 0; i < values.length; i++) array[i] = cast(values[i] as number);
  return array;
}

/** Nested arrays of numbers; one number for a scalar. */
export type Nested = number | Nested[];

/** The values as nested arrays of this shape. */
export function nest(values: TypedArray, shape: Shape): Nested {
  let position = 0;
  const build = (axis: number): Nested =>
    axis === shape.length
      ? (values[position++] as number)
      : Array.from({ length: nth(shape, axis) }, () => build(axis + 1));
  return build(0);
}
