/** Sizes of axes that may depend on the number of images or texts. */
import type { Shape } from '@tessera/tensor';

/** A size: a number, or a multiple of the batch size. */
export type Dim = number | BatchMultiple;

export interface BatchMultiple {
  readonly times: number;
}

/** The batch sizes at which a function is recorded. Neither is 1, which graphs simplify, and neither is a multiple of the other. */
export const recordedSizes = [2, 3] as const;

export const isBatch = (dim: Dim): dim is BatchMultiple => typeof dim !== 'number';

const sameDim = (a: Dim, b: Dim): boolean => (isBatch(a) && isBatch(b) ? a.times === b.times : a === b);

export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis] as Dim));

/**
 * The sizes of a node that has these shapes at the two recorded batch sizes.
 *
 * @throws if a size is neither fixed nor a multiple of the batch size
 */
export function symbolicDims(one: Shape, other: Shape): Dim[] {
  return one.map((size, axis) => {
    const second = other[axis] ?? 0;
    if (size === second) return size;
    const times = size / recordedSizes[0];
    if (Number.isInteger(times) && times * recordedSizes[1] === second) return { times };
    throw new Error(
      `an axis has ${size} places for a batch of ${recordedSizes[0]} and ${second} for ${recordedSizes[1]}`,
    );
  });
}
