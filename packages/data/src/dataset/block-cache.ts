/** Blocks in memory, the least recently used of which are given up. */
import { DamagedRowsError } from '../format/shard.ts';

/** Opened blocks by key, up to a number of bytes. A block that is being opened is opened once, however many ask for it. */
export class BlockCache<Block extends { readonly held: number }> {
  readonly #limit: number;
  /** In order of use, the most recent last. */
  readonly #open = new Map<string, Promise<Block>>();
  readonly #ready = new Map<string, Block>();
  /** Blocks that are not given up. */
  readonly #pinned = new Set<string>();
  /** Blocks that are given up first. */
  readonly #finished = new Set<string>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get(key: string, open: () => Promise<Block>): Promise<Block> {
    this.#finished.delete(key);
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
        // The next request tries again, unless the result would be the same.
        if (this.#open.get(key) === opening && !(error instanceof DamagedRowsError)) this.#open.delete(key);
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

  /** Keeps a block that is opened now or later, until `unpin`. */
  pin(key: string): void {
    this.#pinned.add(key);
  }

  unpin(key: string): void {
    this.#pinned.delete(key);
  }

  /** Gives up a block before all others, as soon as there is no room. */
  finish(key: string): void {
    this.#finished.add(key);
  }

  clear(): void {
    this.#open.clear();
    this.#pinned.clear();
    this.#finished.clear();
    this.#ready.clear();
  }

  /** Gives up finished blocks, and then the least recently used ones, until the rest fits. */
  #evict(keep: string): void {
    let held = 0;
    for (const block of this.#ready.values()) held += block.held;
    for (const key of [...this.#finished, ...this.#open.keys()]) {
      if (held <= this.#limit) return;
      this.#finished.delete(key);
      const block = this.#ready.get(key);
      if (key === keep || block === undefined || this.#pinned.has(key)) continue;
      held -= block.held;
      this.#ready.delete(key);
      this.#open.delete(key);
    }
  }
}
