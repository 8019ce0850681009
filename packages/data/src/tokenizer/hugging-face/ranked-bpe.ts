/** Byte-pair models of the `tokenizers` library: any vocabulary, with an unknown token or bytes for what is not in it. */
import { MaxHeap } from '../max-heap.ts';
import type { JsonPart } from './json-part.ts';
import { byteIds, idsOfBytes, largestId, type TokenModel } from './vocabulary.ts';

/** Words that are longer are not kept. */
const longestCached = 256;
const maxCachedWords = 2 ** 16;

const pairKey = (left: number, right: number): number => left * largestId + right;

/** What a pair becomes. Of lower rank, of higher priority. */
interface Rule {
  readonly rank: number;
  readonly id: number;
}

/** A pair that may be merged, at a symbol's position. */
interface Candidate extends Rule {
  readonly at: number;
}

const comesFirst = (a: Candidate, b: Candidate): boolean => (a.rank === b.rank ? a.at < b.at : a.rank < b.rank);

export interface RankedBpeOptions {
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly unknown: string | null;
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  /** A word that is in the vocabulary is not split. */
  readonly ignoreMerges: boolean;
  readonly prefix: string;
  readonly endOfWord: string | null;
}

export class RankedBpe implements TokenModel {
  readonly ids: ReadonlyMap<string, number>;
  readonly endOfWord: string | null;
  readonly #rules = new Map<number, Rule>();
  readonly #options: RankedBpeOptions;
  readonly #unknown: number | null;
  readonly #bytes: readonly (number | undefined)[] | null;
  readonly #cache = new Map<string, readonly number[]>();

  /** @throws where a merge uses or makes a token that is not in the vocabulary */
  constructor(options: RankedBpeOptions) {
    const { ids, merges, unknown, byteFallback, endOfWord, prefix } = options;
    this.#options = options;
    this.ids = ids;
    this.endOfWord = endOfWord;
    this.#bytes = byteFallback ? byteIds(ids) : null;
    this.#unknown = unknown === null ? null : (ids.get(unknown) ?? null);
    for (const [rank, [left, right]] of merges.entries()) {
      const idOf = (token: string): number => {
        const id = ids.get(token);
        if (id === undefined)
          throw new Error(
            `merge ${rank} (${JSON.stringify(`${left} ${right}`)}) needs the token ${JSON.stringify(token)}, which the vocabulary lacks`,
          );
        return id;
      };
      this.#rules.set(pairKey(idOf(left), idOf(right)), { rank, id: idOf(left + right.slice(prefix.length)) });
    }
  }

  encode(word: string): readonly number[] {
    if (this.#options.ignoreMerges) {
      const id = this.ids.get(word);
      if (id !== undefined) return [id];
    }
    const cached = this.#cache.get(word);
    if (cached !== undefined) return cached;
    const ids = this.#merge(this.#symbolsOf(word));
    if (word.length <= longestCached) {
      if (this.#cache.size >= maxCachedWords) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    return ids;
  }

  /** The ids of a word's characters: unknown ones become bytes, or the unknown token, or nothing. */
  #symbolsOf(word: string): number[] {
    const { prefix, endOfWord, fuseUnknown } = this.#options;
    const symbols: number[] = [];
    // Bytes that follow an unknown character come before its token, as in the library.
    let waiting = false;
    const add = (id: number): void => {
      if (waiting) symbols.push(this.#unknown as number);
      waiting = false;
      symbols.push(id);
    };
    let at = 0;
    for (const character of word) {
      const begin = at;
      at += character.length;
      const symbol = (begin > 0 ? prefix : '') + character + (at === word.length ? (endOfWord ?? '') : '');
      const id = this.ids.get(symbol);
      if (id !== undefined) {
        add(id);
        continue;
      }
      const bytes = this.#bytes === null ? null : idsOfBytes(symbol, this.#bytes);
      if (bytes !== null) symbols.push(...bytes);
      else if (this.#options.unknown !== null) {
        if (this.#unknown === null)
          throw new Error(
            `tokenizer: ${JSON.stringify(symbol)} is not in the vocabulary, and neither is its unknown token ${JSON.stringify(this.#options.unknown)}`,
          );
        if (waiting && !fuseUnknown) symbols.push(this.#unknown);
        waiting = true;
      }
    }
    if (waiting) symbols.push(this.#unknown as number);
    return symbols;
  }

  /** Merges the pair of the lowest rank, the leftmost of equal ones, until none is left: n log n steps. */
  #merge(ids: number[]): number[] {
    const count = ids.length;
    const next = Int32Array.from({ length: count }, (_, k) => k + 1);
    const before = Int32Array.from({ length: count }, (_, k) => k - 1);
    const removed = new Uint8Array(count);
    const queue = new MaxHeap<Candidate>(comesFirst);
    const offer = (at: number): void => {
      const right = next[at] as number;
      if (right >= count) return;
      const rule = this.#rules.get(pairKey(ids[at] as number, ids[right] as number));
      if (rule !== undefined) queue.push({ at, rank: rule.rank, id: rule.id });
    };
    for (let at = 0; at + 1 < count; at++) offer(at);
    for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
      const { at, id } = top;
      const right = next[at] as number;
      if (removed[at] === 1 || right >= count) continue;
      // The symbols may have changed since the candidate was found.
      if (this.#rules.get(pairKey(ids[at] as number, ids[right] as number))?.id !== id) continue;
      ids[at] = id;
      removed[right] = 1;
      const after = next[right] as number;
      next[at] = after;
      if (after < count) before[after] = at;
      if ((before[at] as number) >= 0) offer(before[at] as number);
      offer(at);
    }
    return ids.filter((_, k) => removed[k] === 0);
  }
}

/** The token and the id of each entry of a vocabulary. @param place for the error message */
export function vocabularyOf(part: JsonPart): Map<string, number> {
  const ids = new Map<string, number>();
  for (const token of part.keys()) {
    const id = part.index(token);
    if (id >= largestId) part.fail(token, `an id below ${largestId}`);
    ids.set(token, id);
  }
  return ids;
}

/** A merge, as a list of two tokens or in one text. */
function mergeOf(merge: unknown, place: string): readonly [string, string] {
  const tokens = typeof merge === 'string' ? merge.split(' ') : merge;
  const [left, right] = Array.isArray(tokens) && tokens.length === 2 ? (tokens as unknown[]) : [];
  if (typeof left !== 'string' || typeof right !== 'string')
    throw new Error(`${place} is ${JSON.stringify(merge)}, expected two tokens`);
  return [left, right];
}

/** The merges of a list; texts that begin with `#version` are left out. */
const mergesOf = (list: readonly unknown[], place: string): (readonly [string, string])[] =>
  list
    .filter((merge) => !(typeof merge === 'string' && merge.startsWith('#version')))
    .map((merge, k) => mergeOf(merge, `${place}[${k}]`));

/** Reads a model of the type BPE. */
export function rankedBpeOf(part: JsonPart): RankedBpe {
  if (part.has('dropout') && part.value('dropout') !== 0) part.fail('dropout', 'null: with it the ids are random');
  const options: RankedBpeOptions = {
    ids: vocabularyOf(part.part('vocab')),
    merges: mergesOf(part.list('merges'), `${part.place}.merges`),
    unknown: part.optionalString('unk_token'),
    fuseUnknown: part.flag('fuse_unk', false),
    byteFallback: part.flag('byte_fallback', false),
    ignoreMerges: part.flag('ignore_merges', false),
    prefix: part.optionalString('continuing_subword_prefix') ?? '',
    endOfWord: part.optionalString('end_of_word_suffix'),
  };
  try {
    return new RankedBpe(options);
  } catch (cause) {
    throw new Error(`${part.place}: ${(cause as Error).message}`, { cause });
  }
}
