/**
 * Items of an acyclic graph in an order in which they could run, kept while items are joined. Whether one item leads to another is
 * then a search among those that stand between them only (after Pearce and Kelly, A dynamic topological sort algorithm, 2007).
 */
export class RunningOrder<Item extends object> {
  readonly #sequence: (Item | null)[];
  readonly #rank = new Map<Item, number>();
  readonly #followers: (item: Item) => Iterable<Item>;

  /** `items`: each before those that use it. `followers` names the users of an item, whatever was joined by then. */
  constructor(items: readonly Item[], followers: (item: Item) => Iterable<Item>) {
    this.#sequence = [...items];
    this.#followers = followers;
    for (const [rank, item] of items.entries()) this.#rank.set(item, rank);
  }

  rank(item: Item): number {
    return this.#rank.get(item) as number;
  }

  /**
   * The items that `from` leads to and that stand before `to`; null if one of them leads to `to`, for then the two cannot be joined. A
   * direct use counts only if `direct`. `from` stands before `to`.
   */
  between(from: Item, to: Item, direct: boolean): Set<Item> | null {
    const end = this.rank(to);
    const reached = new Set<Item>();
    const stack = [from];
    for (let item = stack.pop(); item !== undefined; item = stack.pop())
      for (const next of this.#followers(item)) {
        if (next === to && (direct || item !== from)) return null;
        if (next === to || next === from || reached.has(next) || this.rank(next) > end) continue;
        reached.add(next);
        stack.push(next);
      }
    return reached;
  }

  /** `joined` takes the places of both; what `from` leads to (as `between` told) moves behind it. */
  join(from: Item, to: Item, joined: Item, reached: ReadonlySet<Item>): void {
    const start = this.rank(from);
    const end = this.rank(to);
    const put = (rank: number, item: Item | null): void => {
      this.#sequence[rank] = item;
      if (item !== null) this.#rank.set(item, rank);
    };
    const others = this.#sequence.slice(start + 1, end);
    const stay = others.filter((item) => item === null || !reached.has(item));
    const move = others.filter((item) => item !== null && reached.has(item));
    if (move.length === 0) {
      put(start, null);
      put(end, joined);
    } else for (const [k, item] of [null, ...stay, joined, ...move].entries()) put(start + k, item);
    this.#rank.delete(from);
    this.#rank.delete(to);
  }
}
