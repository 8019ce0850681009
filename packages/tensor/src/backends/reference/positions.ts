/** Lists the positions of a strided box, and gathers elements by position. */
import { nth } from '../../kernel/nth.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';

/** offset + sum of strides[k] * index[k], for every index of the box `shape` in row-major order. */
export function positions(shape: Shape, strides: readonly number[], offset = 0): Int32Array {
  const result = new Int32Array(sizeOf(shape));
  if (result.length === 0) return result;
  result[0] = offset;
  // From the innermost axis outwards: the filled part is repeated, each copy one stride further.
  let filled = 1;
  for (const [axis, size] of [...shape.entries()].reverse()) {
    const stride = nth(strides, axis);
    const block = filled;
    for (let i = 1; i < size; i++)
      for (let j = 0; j < block; j++) result[filled++] = (result[j] as number) + i * stride;
  }
  return result;
}

/** The elements of `source` at these positions. */
export function pick(source: Float64Array, at: Int32Array): Float64Array {
  const result = new Float64Array(at.length);
  for (let i = 0; i < at.length; i++) result[i] = source[at[i] as number] as number;
  return result;
}
