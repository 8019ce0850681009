/** A binary heap: `pop` removes and returns the item that comes first in the given order. Both operations take O(log n). */
export class MaxHeap<T extends object> {
  readonly #items: T[] = [];
  readonly #comesFirst: (a: T, b: T) => boolean;

  constructor(comesFirst: (a: T, b: T) => boolean) {
    this.#comesFirst = comesFirst;
  }

  push(item: T): void {
    const items = this.#items;
    let place = items.push(item) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !this.#comesFirst(item, parent)) break;
      items[place] = parent;
      place = above;
    }
    items[place] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let place = 0;
    for (;;) {
      const below = this.#firstChild(place);
      const child = items[below];
      if (child === undefined || !this.#comesFirst(child, last)) break;
      items[place] = child;
      place = below;
    }
    items[place] = last;
    return first;
  }

  /** The place of the child that comes first; beyond the end if there is no child. */
  #firstChild(place: number): number {
    const left = this.#items[2 * place + 1];
    const right = this.#items[2 * place + 2];
    return 2 * place + (left && right && this.#comesFirst(right, left) ? 2 : 1);
  }
}
