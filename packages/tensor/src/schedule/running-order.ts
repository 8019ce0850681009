interface Place<Item> {
  readonly item: Item;
  rank: number;
  /** Number of the last search that came by. */
  seen: number;
  /** Users of the item. They may have been joined to others since: see `current`. */
  followers: Place<Item>[];
  /** What the item became part of. */
  joined: Place<Item> | null;
  /** Later places that others stand between, which remains so as long as neither end is joined to anything. */
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

/** The place of what the item is part of by now. */
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
 * Items of an acyclic graph in an order in which they could run, kept while items are joined. Whether one item leads to another is
 * then a search among those that stand between them only (after Pearce and Kelly, A dynamic topological sort algorithm, 2007).
 */
export class RunningOrder<Item extends object> {
  readonly #sequence: (Place<Item> | null)[];
  readonly #places = new Map<Item, Place<Item>>();
  #searches = 0;

  /** `items`: each before those that use it. `followers` names the users of an item, itself and some twice perhaps. */
  constructor(items: readonly Item[], followers: (item: Item) => Iterable<Item>) {
    this.#sequence = items.map(newPlace);
    for (const place of this.#sequence as Place<Item>[]) this.#places.set(place.item, place);
    for (const place of this.#sequence as Place<Item>[])
      place.followers = this.#distinct(
        place,
        [...followers(place.item)].map((item) => this.#places.get(item) as Place<Item>),
      );
  }

  /**
   * Joins two items, for which `item` (one of the two, or another) stands from now on, unless a third one stands between them: one that
   * the earlier leads to and that leads to the later. `apart`: nor may the later use the earlier directly. Returns whether they are joined.
   */
  join(one: Item, other: Item, apart: boolean, item: Item): boolean {
    const places = [one, other].map((item) => this.#places.get(item) as Place<Item>);
    const [from, to] = places.sort((a, b) => a.rank - b.rank) as [Place<Item>, Place<Item>];
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

  /** What the places are part of by now, each once, `self` left out. */
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

  /** The places that `from` leads to and that stand before `to`; null if one of them leads to `to`, or if `from` does and `apart` is asked for. */
  #between(from: Place<Item>, to: Place<Item>, apart: boolean): Place<Item>[] | null {
    if (from.parted?.has(to)) return null;
    const search = ++this.#searches;
    const reached = [from];
    for (let next = 0; next < reached.length; next++) {
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

  /** `joined` takes the places `start` and `end`; what stands between and was reached from the first moves behind it. */
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
      const place = this.#sequence[k] as Place<Item> | null;
      if (place === null || !moves.has(place)) put(rank++, place);
    }
    for (const place of [joined, ...move]) put(rank++, place);
  }
}
