/** Limits the size of caches that are maps, whose keys are in the order of insertion. */
export function deleteOldest<K>(cache: Map<K, unknown>): void {
  const oldest = cache.keys().next();
  if (!oldest.done) cache.delete(oldest.value);
}
