/** Unigram models (Kudo 2018): the split of a word whose tokens have the largest sum of scores. */
import type { JsonPart } from './json-part.ts';
import { byteIds, idsOfBytes, largestId, type TokenModel } from './vocabulary.ts';

/** An unknown character scores this less than the lowest score of a token. */
const unknownPenalty = 10;
/** Nodes of the trie are below 2^32, and code units below 2^16. */
const edge = (node: number, unit: number): number => node * 2 ** 16 + unit;

export interface UnigramOptions {
  readonly pieces: readonly (readonly [token: string, score: number])[];
  readonly unknown: number | null;
  readonly byteFallback: boolean;
  /** Whether a token is looked for in a word. */
  readonly isFound?: (id: number) => boolean;
  /** Rounds a sum of scores. The `tokenizers` library adds in double precision, sentencepiece in single precision. */
  readonly round?: (score: number) => number;
}

/** A trie of the tokens, with ids and scores at its nodes. */
class PieceTrie {
  readonly #edges = new Map<number, number>();
  readonly #ids: (number | undefined)[] = [undefined];

  add(token: string, id: number): void {
    let node = 0;
    for (let k = 0; k < token.length; k++) {
      const key = edge(node, token.charCodeAt(k));
      let next = this.#edges.get(key);
      if (next === undefined) {
        next = this.#ids.push(undefined) - 1;
        this.#edges.set(key, next);
      }
      node = next;
    }
    this.#ids[node] = id;
  }

  /** Calls `found` for each token that begins at `from`, the shortest first. */
  search(text: string, from: number, found: (id: number, end: number) => void): void {
    let node: number | undefined = 0;
    for (let at = from; at < text.length; at++) {
      node = this.#edges.get(edge(node, text.charCodeAt(at)));
      if (node === undefined) return;
      const id = this.#ids[node];
      if (id !== undefined) found(id, at + 1);
    }
  }
}

export class Unigram implements TokenModel {
  readonly ids: ReadonlyMap<string, number>;
  readonly endOfWord = null;
  readonly #scores: Float64Array;
  readonly #trie = new PieceTrie();
  readonly #unknown: number | null;
  readonly #unknownScore: number;
  readonly #bytes: readonly (number | undefined)[] | null;
  readonly #round: (score: number) => number;

  constructor({ pieces, unknown, byteFallback, isFound = () => true, round = (score) => score }: UnigramOptions) {
    const ids = new Map<string, number>();
    for (const [id, [token]] of pieces.entries()) {
      ids.set(token, id);
      if (isFound(id) && token !== '') this.#trie.add(token, id);
    }
    this.ids = ids;
    this.#scores = Float64Array.from(pieces, ([, score]) => score);
    this.#unknown = unknown;
    let lowest = Number.POSITIVE_INFINITY;
    for (const [id, score] of this.#scores.entries()) if (isFound(id) && score < lowest) lowest = score;
    this.#unknownScore = round(lowest - unknownPenalty);
    this.#bytes = byteFallback ? byteIds(ids) : null;
    this.#round = round;
  }

  /** Viterbi's algorithm, in time that is proportional to the word times the longest token. */
  encode(word: string): number[] {
    const size = word.length;
    const best = new Float64Array(size + 1);
    const starts = new Int32Array(size + 1).fill(-1);
    const tokens = new Int32Array(size + 1);
    const offer = (begin: number, end: number, id: number, score: number): void => {
      const total = this.#round(score + (best[begin] as number));
      // Of equal sums the first stays.
      if (starts[end] !== -1 && !(total > (best[end] as number))) return;
      best[end] = total;
      starts[end] = begin;
      tokens[end] = id;
    };
    for (let at = 0; at < size; ) {
      const length = (word.codePointAt(at) as number) > 0xffff ? 2 : 1;
      let single = false;
      this.#trie.search(word, at, (id, end) => {
        offer(at, end, id, this.#scores[id] as number);
        single ||= end - at === length;
      });
      if (!single) offer(at, at + length, this.#unknown ?? -1, this.#unknownScore);
      at += length;
    }
    return this.#idsOf(word, starts, tokens);
  }

  /** Follows the best path back. Unknown characters in a row are one token. */
  #idsOf(word: string, starts: Int32Array, tokens: Int32Array): number[] {
    const unknown = this.#unknown ?? -1;
    const pieces: { begin: number; end: number; readonly id: number }[] = [];
    for (let end = word.length; end > 0; ) {
      const [begin, id] = [starts[end] as number, tokens[end] as number];
      const last = pieces.at(-1);
      if (last !== undefined && id === unknown && last.id === unknown) last.begin = begin;
      else pieces.push({ begin, end, id });
      end = begin;
    }
    return pieces.reverse().flatMap(({ begin, end, id }) => this.#idsOfPiece(word.slice(begin, end), id));
  }

  #idsOfPiece(text: string, found: number): number | number[] {
    const id = this.ids.get(text);
    if (id !== undefined) return id;
    if (this.#bytes !== null) {
      const bytes = idsOfBytes(text, this.#bytes);
      if (bytes !== null) return bytes;
    }
    if (found === -1)
      throw new Error(`tokenizer: ${JSON.stringify(text)} is not in the vocabulary, which has no unknown token`);
    return found;
  }
}

/** Reads a model of the type Unigram. */
export function unigramOf(part: JsonPart): Unigram {
  const pieces = part.list('vocab').map((piece, k): readonly [string, number] => {
    const [token, score] = Array.isArray(piece) && piece.length === 2 ? (piece as unknown[]) : [];
    if (typeof token !== 'string' || typeof score !== 'number')
      throw new Error(`${part.place}.vocab[${k}] is ${JSON.stringify(piece)}, expected [token, score]`);
    return [token, score];
  });
  if (pieces.length === 0 || pieces.length > largestId) part.fail('vocab', 'a list of tokens');
  const unknown = part.has('unk_id') ? part.index('unk_id') : null;
  if (unknown !== null && unknown >= pieces.length) part.fail('unk_id', `an id below ${pieces.length}`);
  return new Unigram({ pieces, unknown, byteFallback: part.flag('byte_fallback', false) });
}
