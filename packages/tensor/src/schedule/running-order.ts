/** A topological order of items that is kept while items are joined: whether fusing two groups would create a cycle. */

import { lookUp } from '../kernel/nth.ts';

interface Place<Item> {
  readonly item: Item;
  rank: number;
  /** Number of the last search that visited the place. */
  seen: number;
  /** The users of the item, which may have been joined to others since: see `current`. */
  followers: Place<Item>[];
  /** The place that this one was joined into. */
  joined: Place<Item> | null;
  /** Later places that cannot be joined with this one because others must run in between; true as long as neither is joined to anything. */
  parted: Set<Place<Item>> | null;
}

const newPlace = <Item>(item: Item, rank: number): Place<Item> => ({
  item,
  rank,
  seen: 0,
  followers: [],
  joined: null,
  parted: null,
});

/** The place that the item belongs to now. */
function current<Item>(place: Place<Item>): Place<Item> {
  let last = place;
  while (last.joined !== null) last = last.joined;
  for (let at = place; at.joined !== null && at.joined !== last; ) {
    const next: Place<Item> = at.joined;
    at.joined = last;
    at = next;
  }
  return last;
}

/**
 * The items of an acyclic graph in an order in which they can run, kept while items are joined. Whether one item leads to another is then
 * a search among the items between them only (after Pearce and Kelly, A dynamic topological sort algorithm, 2007).
 */
export class RunningOrder<Item extends object> {
  readonly #sequence: (Place<Item> | null)[];
  readonly #places = new Map<Item, Place<Item>>();
  #searches = 0;

  /** `items`: each before its users. `followers` returns the users of an item, possibly with duplicates and the item itself. */
  constructor(items: readonly Item[], followers: (item: Item) => Iterable<Item>) {
    const places = items.map(newPlace);
    this.#sequence = [...places];
    for (const place of places) this.#places.set(place.item, place);
    for (const place of places)
      place.followers = this.#distinct(
        place,
        [...followers(place.item)].map((item) => lookUp(this.#places, item)),
      );
  }

  /**
   * Joins two items into `item` (one of the two, or a new one), unless the earlier leads to a third item that leads to the later. With
   * `apart`, the later must not use the earlier directly either. Returns whether they were joined.
   */
  join(one: Item, other: Item, apart: boolean, item: Item): boolean {
    const [a, b] = [lookUp(this.#places, one), lookUp(this.#places, other)];
    const [from, to] = a.rank <= b.rank ? [a, b] : [b, a];
    const reached = this.#between(from, to, apart);
    if (reached === null) return false;
    const joined = newPlace(item, to.rank);
    from.joined = joined;
    to.joined = joined;
    joined.followers = this.#distinct(joined, [...from.followers, ...to.followers]);
    this.#places.set(item, joined);
    this.#replace(from.rank, to.rank, joined, reached);
    return true;
  }

  /** The places that these belong to now, each once, without `self`. */
  #distinct(self: Place<Item>, places: readonly Place<Item>[]): Place<Item>[] {
    self.seen = ++this.#searches;
    const distinct: Place<Item>[] = [];
    for (const each of places) {
      const place = current(each);
      if (place.seen === self.seen) continue;
      place.seen = self.seen;
      distinct.push(place);
    }
    return distinct;
  }

  /** The places before `to` that `from` leads to; null if one of them leads to `to`, or (with `apart`) if `from` does directly. */
  #between(from: Place<Item>, to: Place<Item>, apart: boolean): Place<Item>[] | null {
    if (from.parted?.has(to)) return null;
    const search = ++this.#searches;
    const reached = [from];
    for (let next = 0; next < reached.length; next++) {
      // This loop runs millions of times for a large model: the indices are in range.
      const { followers } = reached[next] as Place<Item>;
      for (let k = 0; k < followers.length; k++) {
        let follower = followers[k] as Place<Item>;
        if (follower.joined !== null) {
          follower = current(follower);
          followers[k] = follower;
        }
        if (follower === to) {
          if (next === 0 && !apart) continue;
          if (next > 0) {
            from.parted ??= new Set();
            from.parted.add(to);
          }
          return null;
        }
        if (follower.seen === search || follower.rank > to.rank) continue;
        follower.seen = search;
        reached.push(follower);
      }
    }
    return reached.slice(1);
  }

  /** Puts `joined` in place of `start` and `end`; the places in between that were reached from the first move behind it. */
  #replace(start: number, end: number, joined: Place<Item>, reached: readonly Place<Item>[]): void {
    const put = (rank: number, place: Place<Item> | null): void => {
      this.#sequence[rank] = place;
      if (place !== null) place.rank = rank;
    };
    if (reached.length === 0) {
      put(start, null);
      put(end, joined);
      return;
    }
    const move = [...reached].sort((a, b) => a.rank - b.rank);
    const moves = new Set(move);
    put(start, null);
    let rank = start + 1;
    for (let k = start + 1; k < end; k++) {
      const place = this.#sequence[k] ?? null;
      if (place === null || !moves.has(place)) put(rank++, place);
    }
    for (const place of [joined, ...move]) put(rank++, place);
  }
}
