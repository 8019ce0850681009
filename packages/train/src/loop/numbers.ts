/** Scalars that a compiled step returns in one tensor, so that one read transfers them all. */
import { stack, type Tensor, type TypedArray } from '@tessera/tensor';

/** Scalars of any dtype as one tensor: f32 [N]. */
export const stackNumbers = (values: readonly Tensor[]): Tensor =>
  stack(values.map((value) => value.cast('f32').reshape([])));

/** Returns the numbers of a stack one after the other. @throws RangeError after the last one */
export function numberReader(values: TypedArray | readonly number[]): () => number {
  let at = 0;
  return () => {
    const value = values[at++];
    if (value === undefined) throw new RangeError(`a step returned only ${values.length} numbers`);
    return value;
  };
}
