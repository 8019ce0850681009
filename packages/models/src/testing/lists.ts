/** Access to lists, and comparison of lists, in tests. */
import { expect } from 'vitest';

/** The element at an index, which must exist. */
export function at<T>(values: { readonly [index: number]: T; readonly length: number }, index: number): T {
  if (!(index >= 0 && index < values.length))
    throw new RangeError(`index ${index} is outside of a list of ${values.length}`);
  return values[index] as T;
}

/** Expects two lists to have the same length and numbers that are close, as in `toBeCloseTo`. */
export function expectClose(found: readonly number[], expected: readonly number[], digits = 5): void {
  expect(found).toHaveLength(expected.length);
  for (const [k, value] of found.entries()) expect(value).toBeCloseTo(at(expected, k), digits);
}
