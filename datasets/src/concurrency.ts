/**
 * Applies `work` to items, at most `limit` at a time, and gives the results in the items' order. Items are taken only as the
 * results are, so that memory holds `limit` of them.
 */
export async function* mapInOrder<Item, Result>(
  items: Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  const start = (item: Item): void => {
    const result = work(item);
    // Its error is raised when its turn comes; until then it is not "unhandled".
    result.catch(() => undefined);
    running.push(result);
  };
  for (const item of items) {
    start(item);
    if (running.length >= limit) yield await (running.shift() as Promise<Result>);
  }
  for (const result of running) yield await result;
}
