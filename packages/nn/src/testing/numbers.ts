/** Numbers for tests: exact ones to compute with, and how far two lists of them are apart. */
import { type Shape, sizeOf, type Tensor, tensor } from '@tessera/tensor';

/** Whole and half numbers between -4 and 4 in a fixed order without short period: sums of their products are exact in f32. */
export function numbers(shape: Shape, salt = 0): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => (((i + salt) * 7919 + salt * 104729) % 17) / 2 - 4);
}

export const numbered = (shape: Shape, salt = 0): Tensor => tensor(numbers(shape, salt), { shape });

/** The element at an index, which must exist. */
export function at<T>(values: { readonly [index: number]: T; readonly length: number }, index: number): T {
  if (!(index >= 0 && index < values.length))
    throw new RangeError(`index ${index} is outside of a list of ${values.length}`);
  return values[index] as T;
}

/** The largest difference between two lists. */
export const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) throw new Error(`lists of ${a.length} and ${b.length} numbers`);
  return Math.max(0, ...Array.from(a, (x, i) => Math.abs(x - at(b, i))));
};
