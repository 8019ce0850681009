import {
  decodeElements,
  elementBytes,
  formatShape,
  type SafetensorsData,
  type SafetensorsTensor,
} from '@tessera/tensor';
import type { TensorReference } from './pickle/values.ts';

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);

/** The strides of a row-major tensor. */
function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/**
 * How many bytes the tensor takes as a row-major array, after checking that it lies within its storage.
 *
 * @throws where it reaches beyond the storage, or repeats elements to become larger than it
 */
export function checkedBytes({ storage, offset, shape, strides }: TensorReference): number {
  const size = product(shape);
  const what = `a tensor ${formatShape(shape)} with offset ${offset} and strides ${formatShape(strides)}`;
  // The last element's place; without elements nothing is read.
  const last = shape.reduce((place, length, axis) => place + (length - 1) * (strides[axis] as number), offset);
  if (size > 0 && !(last < storage.length))
    throw new Error(`${what} reaches beyond its storage of ${storage.length} elements`);
  if (size > storage.length)
    throw new Error(`${what} is larger than its storage of ${storage.length} elements: repeated elements are not read`);
  return size * elementBytes(storage.dtype);
}

/**
 * The tensor as a row-major array: a view of the storage where it is row-major there already.
 *
 * @param bytes the storage
 */
export function readStrided(
  { storage, offset, shape, strides }: TensorReference,
  bytes: Uint8Array,
): SafetensorsTensor {
  const { dtype } = storage;
  const size = product(shape);
  const width = elementBytes(dtype);
  const contiguous = rowMajor(shape);
  // The stride of an axis of one element is never used.
  if (size === 0 || shape.every((length, axis) => length === 1 || strides[axis] === contiguous[axis]))
    return { dtype, shape, data: decodeElements(dtype, bytes.subarray(offset * width, (offset + size) * width)) };
  const source = decodeElements(dtype, bytes);
  const data = source.slice(0, size);
  const index = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let position = 0; position < size; position++) {
    data[position] = source[place] as (typeof source)[number];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] as number;
      const next = (index[axis] as number) + 1;
      index[axis] = next;
      if (next < (shape[axis] as number)) break;
      place -= (shape[axis] as number) * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return { dtype, shape, data: data as SafetensorsData };
}
