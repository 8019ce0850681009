/** Lists of one length, element by element. */

/** Pairs of the elements of two lists. @throws RangeError where their lengths differ */
export function zip<A, B>(first: readonly A[], second: readonly B[]): [A, B][] {
  if (first.length !== second.length)
    throw new RangeError(`zip: the lists have ${first.length} and ${second.length} elements`);
  return first.map((a, k) => [a, second[k] as B]);
}
