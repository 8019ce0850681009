import { baseSymbols } from './words.ts';

/** Two symbols that become one. Symbols are written in GPT-2's byte alphabet; `</w>` ends a word's last symbol. */
export type Merge = readonly [left: string, right: string];

/** Ids stay below 2^20, so a pair is one exact number, which makes a cheaper key than a string. */
const PAIR_BASE = 2 ** 20;
export const pairKey = (left: number, right: number): number => left * PAIR_BASE + right;
export const leftOfPair = (key: number): number => Math.floor(key / PAIR_BASE);
export const rightOfPair = (key: number): number => key % PAIR_BASE;

/**
 * The symbols of a byte-pair vocabulary and what merges to what. Ids follow the order in which symbols come to be: the 512 base
 * symbols, then one for each merge. Two merges may make the same symbol ("ab" + "c", "a" + "bc"); the first names it.
 */
export class BpeSymbols {
  readonly symbols: string[] = [...baseSymbols];
  readonly #ids = new Map(baseSymbols.map((symbol, id) => [symbol, id]));
  readonly #rules = new Map<number, { rank: number; id: number }>();

  /** Appends a merge with the next lower priority, unless it is there already; returns the id of the merged symbol. */
  addMerge(left: number, right: number): number {
    const known = this.#rules.get(pairKey(left, right));
    if (known) return known.id;
    const symbol = this.symbols[left] + this.symbols[right];
    let id = this.#ids.get(symbol);
    if (id === undefined) {
      id = this.symbols.length;
      this.symbols.push(symbol);
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

  /** Applies the merges to a word's base ids, always the one of highest priority first, everywhere in the word. */
  merge(word: readonly number[]): number[] {
    let ids = [...word];
    while (ids.length > 1) {
      let best: { rank: number; id: number } | undefined;
      let left = 0;
      let right = 0;
      for (let i = 0; i + 1 < ids.length; i++) {
        const rule = this.#rules.get(pairKey(ids[i], ids[i + 1]));
        if (rule && (!best || rule.rank < best.rank)) {
          best = rule;
          left = ids[i];
          right = ids[i + 1];
        }
      }
      if (!best) break;
      ids = replacePair(ids, left, right, best.id);
    }
    return ids;
  }
}

/** Each occurrence of `left, right` becomes `merged`, from the left. */
export function replacePair(ids: readonly number[], left: number, right: number, merged: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && i + 1 < ids.length && ids[i + 1] === right) {
      out.push(merged);
      i++;
    } else {
      out.push(ids[i]);
    }
  }
  return out;
}
