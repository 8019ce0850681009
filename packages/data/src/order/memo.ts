/** The latest results of a function. */

/** The same function of two whole numbers, which keeps its latest results. It must depend on its arguments alone. */
export function memo<T>(capacity: number, make: (first: number, second: number) => T): typeof make {
  const kept = new Map<string, T>();
  return (first, second) => {
    const key = `${first} ${second}`;
    const found = kept.get(key);
    if (found !== undefined) return found;
    const made = make(first, second);
    kept.set(key, made);
    if (kept.size > capacity) {
      const [oldest] = kept.keys();
      if (oldest !== undefined) kept.delete(oldest);
    }
    return made;
  };
}
