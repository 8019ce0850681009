/** Work on several items at a time, with results in order. */

/**
 * Applies `work` to items, at most `limit` at a time, and returns the results in the order of the items. New items are started only when
 * results are consumed, so that at most `limit` results are in memory.
 */
export async function* mapInOrder<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  let running: Promise<Result>[] = [];
  for (const item of items) {
    const result = work(item);
    // An error is thrown when the result is consumed; until then it must not count as unhandled.
    result.catch(() => undefined);
    running.push(result);
    const [oldest, ...others] = running;
    if (oldest === undefined || running.length < limit) continue;
    running = others;
    yield await oldest;
  }
  for (const result of running) yield await result;
}
