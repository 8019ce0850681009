/** Blocks of files that are opened before a batch needs their rows. */
import type { Split } from '../dataset/split.ts';

/** Blocks that are opened at the same time. */
const opensAtOnce = 4;

export interface ReadAheadOptions {
  readonly columns: readonly string[];
  /** The size of the blocks that are open and that no batch has used yet, in bytes, at most; one block may exceed it. */
  readonly bytes: number;
}

/** Opens the blocks of rows that are going to be read, in the background. */
export class ReadAhead {
  readonly #split: Split;
  readonly #options: ReadAheadOptions;
  /** Blocks whose rows are read now. */
  readonly #urgent = new Set<number>();
  /** Blocks that wait to be opened, in order. */
  readonly #waiting = new Set<number>();
  /** Blocks that were opened here and not used yet, with their sizes. */
  readonly #unused = new Map<number, number>();
  /** The rows of blocks that were not used yet. */
  readonly #left = new Map<number, number>();
  #bytes = 0;
  #opening = 0;

  constructor(split: Split, options: ReadAheadOptions) {
    this.#split = split;
    this.#options = options;
  }

  /** The size of the blocks that were read and not used yet, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Rows that will be read, in their order. `restart`: these replace all that were expected before. */
  expect(rows: Uint32Array, restart: boolean): void {
    if (restart) {
      this.#waiting.clear();
      for (const block of this.#unused.keys()) this.#forget(block);
    }
    for (const block of this.#blocksOf(rows)) if (!this.#unused.has(block)) this.#waiting.add(block);
    this.#proceed();
  }

  /** Rows that are read now. Their blocks go before those that wait. */
  use(rows: Uint32Array): void {
    for (const block of this.#blocksOf(rows)) {
      this.#waiting.delete(block);
      this.#forget(block);
      // An open block counts as used from now on, not only when its first row is read.
      if (this.#bytesOf(block) === null) this.#prepare(block);
      else this.#urgent.add(block);
    }
    this.#proceed();
  }

  /** Rows that were read. A block that has no others is not needed any more. */
  used(rows: Uint32Array): void {
    for (const row of rows) {
      const block = this.#split.blockOf(row);
      const left = (this.#left.get(block) ?? this.#split.rowsIn(block)) - 1;
      if (left > 0) this.#left.set(block, left);
      else {
        this.#left.delete(block);
        this.#split.finish(block, this.#options.columns);
      }
    }
  }

  /** From now on the block is one of those that were used, the oldest of which are given up. */
  #forget(block: number): void {
    const bytes = this.#unused.get(block);
    if (bytes === undefined) return;
    this.#bytes -= bytes;
    this.#unused.delete(block);
    this.#split.pin(block, this.#options.columns, false);
  }

  #blocksOf(rows: Uint32Array): Set<number> {
    const blocks = new Set<number>();
    for (const row of rows) blocks.add(this.#split.blockOf(row));
    return blocks;
  }

  #proceed(): void {
    for (const block of this.#urgent) {
      if (this.#opening >= opensAtOnce) return;
      this.#urgent.delete(block);
      if (this.#bytesOf(block) !== null) this.#open(block);
    }
    for (const block of this.#waiting) {
      if (this.#opening >= opensAtOnce || this.#bytes >= this.#options.bytes) return;
      this.#waiting.delete(block);
      const bytes = this.#bytesOf(block);
      if (bytes === null) continue;
      this.#unused.set(block, bytes);
      this.#bytes += bytes;
      this.#split.pin(block, this.#options.columns, true);
      this.#open(block);
    }
  }

  /** Null: the block is open. */
  #bytesOf(block: number): number | null {
    return this.#split.bytesToRead(block, this.#options.columns);
  }

  #open(block: number): void {
    this.#opening++;
    this.#prepare(block).finally(() => {
      this.#opening--;
      this.#proceed();
    });
  }

  /** Who reads the rows reports what is wrong with them. */
  #prepare(block: number): Promise<void> {
    return this.#split.prepare(block, this.#options.columns).catch(() => undefined);
  }
}
