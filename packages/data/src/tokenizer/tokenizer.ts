import { BpeSymbols, type Merge } from './bpe.ts';
import { baseIdsOfWord, bytesOfSymbol, END_OF_TEXT, START_OF_TEXT, wordsOf } from './words.ts';

const MAX_CACHED_WORDS = 2 ** 16;

/** What `tokenizer.json` holds. */
export interface TokenizerJson {
  readonly format: 'tessera-bpe';
  readonly version: 1;
  /** Size of the embedding table that this tokenizer needs. */
  readonly vocabSize: number;
  /** "left right" in order of priority. */
  readonly merges: readonly string[];
}

export interface EncodeBatchOptions {
  /** What to do with a caption of more than `contextLength` tokens: refuse it (default), or cut it and put the end token last. */
  onTooLong?: 'truncate' | 'error';
}

/** One caption, shortened for an error message. */
const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/**
 * CLIP's tokenizer: cleaned text, split into words, then byte-level byte-pair encoding with `</w>` at word ends.
 *
 * Ids: 256 bytes within words, 256 bytes at word ends, the merged symbols, then `<|startoftext|>` and `<|endoftext|>`. The end
 * token is the largest id, because CLIP's text tower pools at argmax(ids). Padding is id 0, which is also the token "!".
 */
export class Tokenizer {
  /** Number of ids; each id is below it. */
  readonly vocabSize: number;
  /** Id of `<|startoftext|>`, first in each caption. */
  readonly startToken: number;
  /** Id of `<|endoftext|>`, last in each caption, the largest of all ids. */
  readonly endToken: number;
  readonly #symbols: BpeSymbols;
  readonly #merges: readonly Merge[];
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * @param merges pairs of symbols in order of priority. Each must be made of base symbols and results of earlier merges, or
   *   this throws and names the merge.
   */
  constructor(merges: readonly Merge[]) {
    this.#merges = merges;
    this.#symbols = new BpeSymbols();
    for (const [rank, [left, right]] of merges.entries()) {
      const [leftId, rightId] = [left, right].map((symbol) => {
        const id = this.#symbols.idOf(symbol);
        if (id === undefined) {
          throw new Error(
            `tokenizer: merge ${rank} ("${left} ${right}") uses the symbol "${symbol}", which no earlier merge makes`,
          );
        }
        return id;
      });
      if (this.#symbols.hasMerge(leftId, rightId)) {
        throw new Error(`tokenizer: merge ${rank} ("${left} ${right}") is there twice`);
      }
      this.#symbols.addMerge(leftId, rightId);
    }
    this.startToken = this.#symbols.symbols.length;
    this.endToken = this.startToken + 1;
    this.vocabSize = this.startToken + 2;
  }

  /** The ids of one caption, start and end tokens included. A text without any word gives these two alone. */
  encode(text: string): number[] {
    const ids = [this.startToken];
    for (const word of wordsOf(text)) {
      for (const id of this.#encodeWord(word)) ids.push(id);
    }
    ids.push(this.endToken);
    return ids;
  }

  /**
   * The ids of B captions as a row-major Int32Array [B, contextLength], padded with 0 after the end token.
   *
   * Throws where a caption has no word, or (unless `onTooLong` is 'truncate') more than `contextLength` tokens, start and end
   * tokens included; the message names the caption.
   */
  encodeBatch(texts: readonly string[], contextLength: number, options: EncodeBatchOptions = {}): Int32Array {
    const { onTooLong = 'error' } = options;
    if (!Number.isInteger(contextLength) || contextLength < 3) {
      throw new RangeError(
        `tokenizer: a context of ${contextLength} tokens has no room for start, one token and end: at least 3 are needed`,
      );
    }
    const batch = new Int32Array(texts.length * contextLength);
    for (const [row, text] of texts.entries()) {
      const ids = this.encode(text);
      if (ids.length === 2) {
        throw new Error(
          `tokenizer: caption ${row} (${quote(text)}) is empty after cleaning: give it a word or drop the pair`,
        );
      }
      if (ids.length > contextLength) {
        if (onTooLong === 'error') {
          throw new Error(
            `tokenizer: caption ${row} (${quote(text)}) has ${ids.length} tokens, more than the context of ${contextLength}: ` +
              "shorten it, enlarge the context, or truncate with onTooLong: 'truncate'",
          );
        }
        ids.length = contextLength;
        ids[contextLength - 1] = this.endToken;
      }
      batch.set(ids, row * contextLength);
    }
    return batch;
  }

  /**
   * The text of some ids, words apart by one blank, up to the first end token. Start tokens are skipped. Bytes that are no
   * valid UTF-8, as a truncated caption may have at its end, become U+FFFD.
   */
  decode(ids: Iterable<number>): string {
    const bytes: number[] = [];
    for (const id of ids) {
      if (id === this.endToken) break;
      if (id === this.startToken) continue;
      const symbol = this.#symbols.symbols[id];
      if (symbol === undefined) {
        throw new RangeError(`tokenizer: there is no token ${id}, ids run from 0 to ${this.vocabSize - 1}`);
      }
      bytes.push(...bytesOfSymbol(symbol));
    }
    return new TextDecoder().decode(Uint8Array.from(bytes)).trimEnd();
  }

  /** For `tokenizer.json`; `Tokenizer.fromJSON` reads it. */
  toJSON(): TokenizerJson {
    return {
      format: 'tessera-bpe',
      version: 1,
      vocabSize: this.vocabSize,
      merges: this.#merges.map(([left, right]) => `${left} ${right}`),
    };
  }

  /** Makes a tokenizer from the parsed content of a `tokenizer.json`. Throws where the content is not one, saying why. */
  static fromJSON(value: unknown): Tokenizer {
    const { format, version, vocabSize, merges } = (value ?? {}) as Partial<Record<keyof TokenizerJson, unknown>>;
    if (format !== 'tessera-bpe') {
      throw new Error(`tokenizer: format is ${JSON.stringify(format)}, expected "tessera-bpe"`);
    }
    if (version !== 1) {
      throw new Error(`tokenizer: version is ${JSON.stringify(version)}, this program reads version 1`);
    }
    if (!Array.isArray(merges)) throw new Error('tokenizer: "merges" must be a list of "left right"');
    const tokenizer = new Tokenizer(merges.map(parseMerge));
    if (tokenizer.vocabSize !== vocabSize) {
      throw new Error(
        `tokenizer: vocabSize says ${JSON.stringify(vocabSize)}, but ${merges.length} merges make ${tokenizer.vocabSize} tokens`,
      );
    }
    return tokenizer;
  }

  #encodeWord(word: string): readonly number[] {
    if (word === START_OF_TEXT) return [this.startToken];
    if (word === END_OF_TEXT) return [this.endToken];
    const cached = this.#cache.get(word);
    if (cached) return cached;
    const ids = this.#symbols.merge(baseIdsOfWord(word));
    if (this.#cache.size >= MAX_CACHED_WORDS) this.#cache.clear();
    this.#cache.set(word, ids);
    return ids;
  }
}

/** "left right" as a merge. `rank` is for the message where it is not one. */
export function parseMerge(line: unknown, rank: number): Merge {
  const parts = typeof line === 'string' ? line.split(' ') : [];
  if (parts.length !== 2 || !parts[0] || !parts[1]) {
    throw new Error(`tokenizer: merge ${rank} is ${JSON.stringify(line)}, expected "left right"`);
  }
  return [parts[0], parts[1]];
}
