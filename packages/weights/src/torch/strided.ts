/** Conversion of strided PyTorch tensors to row-major arrays. */
import { formatShape, sizeOf } from '@tessera/tensor';
import {
  decodeElements,
  elementBytes,
  type SafetensorsData,
  type SafetensorsTensor,
} from '@tessera/tensor/safetensors';
import type { TensorReference } from './references.ts';

/** An axis of a tensor: its length, and the distance between two neighbors in elements. */
interface Axis {
  readonly length: number;
  readonly stride: number;
}

const axesOf = ({ shape, strides }: TensorReference): Axis[] =>
  shape.map((length, axis) => ({ length, stride: strides[axis] ?? 0 }));

/** Whether the elements are stored in row-major order without gaps. The stride of an axis of length 1 is never used. */
function isRowMajor(axes: readonly Axis[]): boolean {
  let expected = 1;
  for (const { length, stride } of axes.toReversed()) {
    if (length !== 1 && stride !== expected) return false;
    expected *= length;
  }
  return true;
}

/**
 * The size of the tensor as a row-major array, in bytes, after checking that its elements are within its storage.
 *
 * @throws if the tensor reaches beyond its storage, or repeats elements so that it is larger than its storage
 */
export function checkedBytes(reference: TensorReference): number {
  const { storage, offset, shape, strides } = reference;
  const size = sizeOf(shape);
  const what = `a tensor ${formatShape(shape)} with offset ${offset} and strides ${formatShape(strides)}`;
  // The place of the last element. A tensor without elements reads nothing.
  const last = axesOf(reference).reduce((place, { length, stride }) => place + (length - 1) * stride, offset);
  if (size > 0 && !(last < storage.length))
    throw new Error(`${what} reaches beyond its storage of ${storage.length} elements`);
  if (size > storage.length)
    throw new Error(`${what} is larger than its storage of ${storage.length} elements: repeated elements are not read`);
  return size * elementBytes(storage.dtype);
}

/**
 * The tensor as a row-major array. If its elements are stored in row-major order already, the array is a view of the storage.
 *
 * @param bytes the storage
 */
export function readStrided(reference: TensorReference, bytes: Uint8Array): SafetensorsTensor {
  const { storage, offset, shape } = reference;
  const { dtype } = storage;
  const size = sizeOf(shape);
  const width = elementBytes(dtype);
  const axes = axesOf(reference);
  if (size === 0 || isRowMajor(axes))
    return { dtype, shape, data: decodeElements(dtype, bytes.subarray(offset * width, (offset + size) * width)) };
  const source = decodeElements(dtype, bytes);
  const data = source.slice(0, size);
  let position = 0;
  const copy = (depth: number, place: number): void => {
    const axis = axes[depth];
    if (axis === undefined) data[position++] = source[place] as (typeof source)[number];
    else for (let k = 0; k < axis.length; k++) copy(depth + 1, place + k * axis.stride);
  };
  copy(0, offset);
  return { dtype, shape, data: data as SafetensorsData };
}
