/** Converts numbers as users write them, in nested arrays, to and from typed arrays. */

import { allocateArray, castNumber, checkDType, computeDType, type DType, isHalf, type TypedArray } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../kernel/shape.ts';

export type NestedArray<T> = readonly (T | NestedArray<T>)[];

/** A number, nested arrays of numbers or booleans, or a typed array (Float32Array, Float64Array, Int32Array, Uint8Array). */
export type TensorData = number | boolean | NestedArray<number | boolean> | TypedArray;

const isTypedArray = (data: TensorData): data is TypedArray => ArrayBuffer.isView(data);

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
  data: TensorData,
  shape?: Shape,
  dtype: DType = inferDtype(data),
): { values: TypedArray; shape: Shape; dtype: DType } {
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
