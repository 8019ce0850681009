/** Blocks in memory, the least recently used of which are given up. */

/** Opened blocks by key, up to a number of bytes. A block that is being opened is opened once, however many ask for it. */
export class BlockCache<Block extends { readonly held: number }> {
  readonly #limit: number;
  /** In order of use, the most recent last. */
  readonly #open = new Map<string, Promise<Block>>();
  readonly #ready = new Map<string, Block>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: string, open: () => Promise<Block>): Promise<Block> {
    const found = this.#open.get(key);
    if (found !== undefined) {
      this.#open.delete(key);
      this.#open.set(key, found);
      return found;
    }
    const opening = open().then(
      (block) => {
        if (this.#open.get(key) === opening) {
          this.#ready.set(key, block);
          this.#evict(key);
        }
        return block;
      },
      (error) => {
        // The next request tries again.
        if (this.#open.get(key) === opening) this.#open.delete(key);
        throw error;
      },
    );
    this.#open.set(key, opening);
    return opening;
  }

  /** Whether a block is open, or is being opened. This does not count as its use. */
  has(key: string): boolean {
    return this.#open.has(key);
  }

  clear(): void {
    this.#open.clear();
    this.#ready.clear();
  }

  /** Gives up the least recently used blocks until the rest fits. */
  #evict(keep: string): void {
    let held = 0;
    for (const block of this.#ready.values()) held += block.held;
    for (const key of this.#open.keys()) {
      if (held <= this.#limit) return;
      const block = this.#ready.get(key);
      if (key === keep || block === undefined) continue;
      held -= block.held;
      this.#ready.delete(key);
      this.#open.delete(key);
    }
  }
}
