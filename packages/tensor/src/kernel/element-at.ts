/** Reading a list at an index that must exist. */

/** Element `index` of the list. @throws RangeError if the list has no such element, which is an error in the code that asks */
export function elementAt<T>(list: ArrayLike<T>, index: number): T {
  if (!(index >= 0 && index < list.length)) throw new RangeError(`element ${index} of a list of ${list.length}`);
  return list[index] as T;
}
