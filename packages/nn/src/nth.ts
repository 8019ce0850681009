/** Reads an element of a list that must have it. */

/** The element at `index`, which must exist. */
export function nth<T>(list: readonly T[], index: number): T {
  if (!(index >= 0 && index < list.length))
    throw new RangeError(`index ${index} is outside of a list of ${list.length}`);
  return list[index] as T;
}
