/**
 * A selection of the rows of a split: which rows of its files, and in which order. Rows in the order of the files take about one bit for
 * each row that there is, or four bytes for each row that is selected where that is less; rows in another order always take four bytes.
 *
 * The bits are in 32-bit words, row r in bit r mod 32 of word floor(r / 32). With b(j), the number of selected rows before group j of
 * 16 words, the k-th selected row is in the last group with b(j) <= k, and row r is preceded by b(j) rows and those before it in its group.
 * (G. Jacobson: Space-efficient static trees and graphs, FOCS 1989.)
 */

const [bitsOfWord, wordsOfGroup] = [32, 16];
const bitsOfGroup = bitsOfWord * wordsOfGroup;

/** A selection as plain data, for workers, with which its memory is shared. */
export type RowSelectionData =
  | { readonly kind: 'list'; readonly rows: Uint32Array; readonly isAscending: boolean }
  | {
      readonly kind: 'bits';
      readonly length: number;
      readonly words: Uint32Array;
      /** For each group the number of selected rows before it. */
      readonly before: Uint32Array;
    };

/** Rows that are joined: a selection of `whole` rows, or all of them (null). */
export interface SelectedPart {
  readonly whole: number;
  readonly selected: RowSelection | null;
}

export class RowSelection implements Iterable<number> {
  readonly data: RowSelectionData;
  /** The number of selected rows. */
  readonly length: number;
  /** Whether each row comes after the one before it in the files. */
  readonly isAscending: boolean;

  constructor(data: RowSelectionData) {
    this.data = data;
    this.length = data.kind === 'list' ? data.rows.length : data.length;
    this.isAscending = data.kind === 'bits' || data.isAscending;
  }

  /**
   * @param rows the numbers of the rows in their order, each from 0 to `whole - 1`, as integers
   * @param whole the number of rows that there are, below 2^32
   */
  static of(rows: Iterable<number>, whole: number): RowSelection {
    const builder = new RowSelectionBuilder(whole);
    for (const row of rows) builder.add(row);
    return builder.result();
  }

  /** The selected rows of several parts, one part after the other, whose rows are numbered in that order. */
  static join(parts: readonly SelectedPart[]): RowSelection {
    const whole = parts.reduce((sum, part) => sum + part.whole, 0);
    if (parts.some(({ selected }) => selected?.isAscending === false)) return RowSelection.of(joinedRows(parts), whole);
    const words = sharedWords(Math.ceil(whole / bitsOfWord));
    let first = 0;
    for (const part of parts) {
      addPart(words, first, part);
      first += part.whole;
    }
    return ofWords(words, whole);
  }

  /** The number of the k-th selected row; k is from 0 to `length - 1`. */
  at(k: number): number {
    const { data } = this;
    return data.kind === 'list' ? (data.rows[k] as number) : selectBit(data.words, data.before, k);
  }

  /** How many of the selected rows have a number below `row`, where they are in the order of the files. */
  countBelow(row: number): number {
    const { data } = this;
    if (data.kind === 'list') return firstFrom(data.rows, row);
    if (row >= data.words.length * bitsOfWord) return data.length;
    const group = Math.floor(row / bitsOfGroup);
    const last = row >>> 5;
    let count = data.before[group] as number;
    for (let word = group * wordsOfGroup; word < last; word++) count += ones(data.words[word] as number);
    return count + ones((data.words[last] as number) & ((1 << (row & 31)) - 1));
  }

  *[Symbol.iterator](): Generator<number> {
    const { data } = this;
    if (data.kind === 'list') yield* data.rows;
    else
      for (let word = 0; word < data.words.length; word++)
        for (let bits = data.words[word] as number; bits !== 0; bits &= bits - 1)
          yield word * bitsOfWord + lowestOne(bits);
  }
}

/** Collects rows, each from 0 to `whole - 1`: in a list while that is the smaller form or the rows are in another order than in the files, else in bits. */
export class RowSelectionBuilder {
  readonly #whole: number;
  #rows = new Uint32Array(16);
  #words: Uint32Array | null = null;
  #length = 0;
  #last = -1;
  #isAscending = true;

  constructor(whole: number) {
    this.#whole = whole;
  }

  add(row: number): void {
    if (row <= this.#last && this.#isAscending) {
      this.#isAscending = false;
      if (this.#words !== null) this.#rows = Uint32Array.from(ofWords(this.#words, this.#whole));
      this.#words = null;
    }
    this.#last = row;
    if (this.#words !== null) setBit(this.#words, row);
    else {
      if (this.#length >= this.#rows.length) this.#grow();
      this.#rows[this.#length] = row;
    }
    this.#length++;
    if (this.#words === null && this.#isAscending && this.#length * bitsOfWord > this.#whole) this.#toBits();
  }

  result(): RowSelection {
    if (this.#words !== null) return ofWords(this.#words, this.#whole);
    const rows = sharedWords(this.#length);
    rows.set(this.#rows.subarray(0, this.#length));
    return new RowSelection({ kind: 'list', rows, isAscending: this.#isAscending });
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#rows.length);
    larger.set(this.#rows);
    this.#rows = larger;
  }

  #toBits(): void {
    this.#words = sharedWords(Math.ceil(this.#whole / bitsOfWord));
    for (let k = 0; k < this.#length; k++) setBit(this.#words, this.#rows[k] as number);
    this.#rows = new Uint32Array(16);
  }
}

/** Shared with the workers, each of which would have a copy. */
const sharedWords = (length: number): Uint32Array<SharedArrayBuffer> =>
  new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT));

function setBit(words: Uint32Array, bit: number): void {
  words[bit >>> 5] = (words[bit >>> 5] as number) | (1 << (bit & 31));
}

/** The selection with these bits, in its smaller form. */
function ofWords(words: Uint32Array, whole: number): RowSelection {
  const before = sharedWords(Math.ceil(words.length / wordsOfGroup));
  let length = 0;
  for (let word = 0; word < words.length; word++) {
    if (word % wordsOfGroup === 0) before[word / wordsOfGroup] = length;
    length += ones(words[word] as number);
  }
  const selection = new RowSelection({ kind: 'bits', length, words, before });
  if (length * bitsOfWord > whole) return selection;
  const rows = sharedWords(length);
  let k = 0;
  for (const row of selection) rows[k++] = row;
  return new RowSelection({ kind: 'list', rows, isAscending: true });
}

function* joinedRows(parts: readonly SelectedPart[]): Generator<number> {
  let first = 0;
  for (const { whole, selected } of parts) {
    if (selected === null) for (let row = 0; row < whole; row++) yield first + row;
    else for (const row of selected) yield first + row;
    first += whole;
  }
}

/** Sets the bits of a part, whose row 0 is row `first`. */
function addPart(words: Uint32Array, first: number, { whole, selected }: SelectedPart): void {
  if (selected === null) {
    const [start, end] = [Math.min(first + whole, Math.ceil(first / bitsOfWord) * bitsOfWord), first + whole];
    const wordsEnd = Math.max(start >>> 5, end >>> 5);
    for (let row = first; row < start; row++) setBit(words, row);
    if (start % bitsOfWord === 0) words.fill(0xffffffff, start >>> 5, wordsEnd);
    for (let row = Math.max(start, wordsEnd * bitsOfWord); row < end; row++) setBit(words, row);
    return;
  }
  if (selected.data.kind === 'list') for (const row of selected.data.rows) setBit(words, first + row);
  else {
    const shift = first & 31;
    for (const [k, bits] of selected.data.words.entries()) {
      if (bits === 0) continue;
      const word = (first >>> 5) + k;
      words[word] = (words[word] as number) | (bits << shift);
      if (shift > 0 && bits >>> (bitsOfWord - shift) !== 0)
        words[word + 1] = (words[word + 1] as number) | (bits >>> (bitsOfWord - shift));
    }
  }
}

/** The number of the k-th bit that is 1. */
function selectBit(words: Uint32Array, before: Uint32Array, k: number): number {
  let [low, high] = [0, before.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((before[middle] as number) <= k) low = middle;
    else high = middle - 1;
  }
  let left = k - (before[low] as number);
  let word = low * wordsOfGroup;
  for (let count = ones(words[word] as number); count <= left; count = ones(words[word] as number)) {
    left -= count;
    word++;
  }
  let bits = words[word] as number;
  for (; left > 0; left--) bits &= bits - 1;
  return word * bitsOfWord + lowestOne(bits);
}

/** The number of bits that are 1: sums of neighboring bits, pairs, nibbles, and of all bytes by one product. */
function ones(word: number): number {
  let sums = word - ((word >>> 1) & 0x55555555);
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333);
  return Math.imul((sums + (sums >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The place of the lowest bit that is 1, of a word that is not 0. */
const lowestOne = (word: number): number => 31 - Math.clz32(word & -word);

/** The first place in ascending numbers whose number is `value` or more. */
function firstFrom(ascending: Uint32Array, value: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
