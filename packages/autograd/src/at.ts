/** Access to lists whose length is known from elsewhere. */

/** The element at an index, which must exist. */
export function at<T>(list: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`index ${index} is outside of a list of ${list.length}`);
  return element;
}
