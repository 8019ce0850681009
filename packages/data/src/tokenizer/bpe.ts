/** The symbols and merge rules of a byte-pair vocabulary. */
import { baseSymbols } from './words.ts';

/** Two symbols that are joined into one. Symbols are written in GPT-2's byte alphabet; `</w>` marks a word's last symbol. */
export type Merge = readonly [left: string, right: string];

/** Ids are below 2^20, so a pair fits exactly into one number, which is a cheaper key than a string. */
const PAIR_BASE = 2 ** 20;
const pairKey = (left: number, right: number): number => left * PAIR_BASE + right;
export const leftOfPair = (key: number): number => Math.floor(key / PAIR_BASE);
export const rightOfPair = (key: number): number => key % PAIR_BASE;

/**
 * The symbols of a byte-pair vocabulary and its merge rules. Ids are assigned in order of creation: the 512 base symbols, then one id
 * per merge. Two merges can produce the same symbol ("ab" + "c", "a" + "bc"); they share the id of the first.
 */
export class BpeSymbols {
  readonly #symbols: string[] = [...baseSymbols];
  readonly #ids = new Map(baseSymbols.map((symbol, id) => [symbol, id]));
  readonly #rules = new Map<number, { rank: number; id: number }>();

  /** The number of symbols. Their ids are 0 to size - 1. */
  get size(): number {
    return this.#symbols.length;
  }

  /** @throws RangeError for an id that no symbol has */
  symbolOf(id: number): string {
    const symbol = this.#symbols[id];
    if (symbol === undefined) throw new RangeError(`tokenizer: no symbol has the id ${id}; ids are below ${this.size}`);
    return symbol;
  }

  /** Appends a merge with the next lower priority, unless the rule exists already; returns the id of the merged symbol. */
  addMerge(left: number, right: number): number {
    const known = this.#rules.get(pairKey(left, right));
    if (known) return known.id;
    const symbol = this.symbolOf(left) + this.symbolOf(right);
    let id = this.#ids.get(symbol);
    if (id === undefined) {
      id = this.#symbols.push(symbol) - 1;
      this.#ids.set(symbol, id);
    }
    this.#rules.set(pairKey(left, right), { rank: this.#rules.size, id });
    return id;
  }

  idOf(symbol: string): number | undefined {
    return this.#ids.get(symbol);
  }

  hasMerge(left: number, right: number): boolean {
    return this.#rules.has(pairKey(left, right));
  }

  /** Applies the merges to a word's base ids: the one of highest priority first, everywhere in the word, until none applies. */
  merge(word: readonly number[]): number[] {
    let ids = [...word];
    for (;;) {
      let best: { rank: number; id: number; pair: number } | undefined;
      for (const pair of pairsOf(ids)) {
        const rule = this.#rules.get(pair);
        if (rule && (!best || rule.rank < best.rank)) best = { ...rule, pair };
      }
      if (!best) return ids;
      ids = replacePair(ids, best.pair, best.id);
    }
  }
}

/** The keys of the pairs of neighbors in a word, from left to right. */
export const pairsOf = (ids: readonly number[]): number[] => {
  const pairs: number[] = [];
  let left: number | undefined;
  for (const id of ids) {
    if (left !== undefined) pairs.push(pairKey(left, id));
    left = id;
  }
  return pairs;
};

/** Replaces each occurrence of a pair by `merged`, from left to right. */
export function replacePair(ids: readonly number[], pair: number, merged: number): number[] {
  const [left, right] = [leftOfPair(pair), rightOfPair(pair)];
  const out: number[] = [];
  // Whether the last id of `out` is a `left` that can still be joined with the id that follows it.
  let open = false;
  for (const id of ids) {
    if (open && id === right) {
      out[out.length - 1] = merged;
      open = false;
    } else {
      out.push(id);
      open = id === left;
    }
  }
  return out;
}
