/** Columns that were read once and are needed again soon: before a run begins, several of its parts ask for the same ones. */
import type { KeptValues } from './kept-values.ts';

/** The values of a column in some neighboring rows of a block, or why they cannot be used. */
export interface KeptRows {
  /** The number of the first of the rows in the files. */
  readonly from: number;
  /** The number of rows. */
  readonly count: number;
  readonly values: KeptValues | { readonly damage: string };
}

/**
 * Values of columns by split, column and block, up to a number of bytes. What does not fit is not kept, and is read again when it is
 * needed.
 */
export class ColumnMemory {
  readonly #limit: number;
  readonly #rows = new Map<string, Map<number, KeptRows>>();
  #bytes = 0;
  #closed = false;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** The memory that the values take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Values that include these rows of a block; null: they are not here. */
  find(column: string, block: number, from: number, count: number): KeptRows | null {
    const kept = this.#rows.get(column)?.get(block);
    return kept !== undefined && kept.from <= from && from + count <= kept.from + kept.count ? kept : null;
  }

  keep(column: string, block: number, rows: KeptRows): void {
    const bytes = 'damage' in rows.values ? 0 : rows.values.bytes;
    const before = this.#rows.get(column)?.get(block);
    if (this.#closed || before !== undefined || this.#bytes + bytes > this.#limit) return;
    const own = this.#rows.get(column) ?? new Map<number, KeptRows>();
    own.set(block, rows);
    this.#rows.set(column, own);
    this.#bytes += bytes;
  }

  /** Forgets everything, for good. */
  close(): void {
    this.#closed = true;
    this.#rows.clear();
    this.#bytes = 0;
  }
}
