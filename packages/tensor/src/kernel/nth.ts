/** Reads entries that must exist: a wrong index or key is a mistake in this library, and throws where it is made. */

/** The entry of `list` at `index`. Throws RangeError if there is none. */
export function nth<T>(list: ArrayLike<T | undefined>, index: number): T {
  const entry = list[index];
  if (entry === undefined) throw new RangeError(`index ${index} is out of range: the list has ${list.length} entries`);
  return entry;
}

/** The value that `map` has for `key`. Throws RangeError if it has none. */
export function lookUp<K, V>(map: ReadonlyMap<K, V | undefined>, key: K): V {
  const value = map.get(key);
  if (value === undefined) throw new RangeError(`the map has no entry for key ${String(key)}`);
  return value;
}
