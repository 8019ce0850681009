/** CLIP's own tokenizer: captions to ids and back. */
import { BpeSymbols, type Merge } from './bpe.ts';
import { type EncodeBatchOptions, encodeRows, quote, type Tokenizer } from './tokenizer.ts';
import { baseIdsOfWord, bytesOfSymbol, END_OF_TEXT, START_OF_TEXT, wordsOf } from './words.ts';

const MAX_CACHED_WORDS = 2 ** 16;

/** The content of `tokenizer.json`. */
export interface TokenizerJson {
  readonly format: 'tessera-bpe';
  readonly version: 1;
  /** Size of the embedding table that this tokenizer needs. */
  readonly vocabSize: number;
  /** "left right" in order of priority. */
  readonly merges: readonly string[];
}

/**
 * CLIP's tokenizer: cleaned text, split into words, then byte-level byte-pair encoding with `</w>` at word ends.
 *
 * Ids: 256 bytes within words, 256 bytes at word ends, the merged symbols, then `<|startoftext|>` and `<|endoftext|>`. The end
 * token is the largest id, because CLIP's text tower pools at argmax(ids). Padding is id 0, which is also the token "!".
 */
export class BytePairTokenizer implements Tokenizer {
  /** Number of ids; each id is below it. */
  readonly vocabSize: number;
  /** Id of `<|startoftext|>`, first in each caption. */
  readonly startToken: number;
  /** Id of `<|endoftext|>`, last in each caption, the largest of all ids. */
  readonly endToken: number;
  /** Padding is 0, as in OpenAI's models. */
  readonly padToken = 0;
  readonly padsLeft = false;
  readonly contextLength = null;
  readonly #symbols: BpeSymbols;
  readonly #merges: readonly Merge[];
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * @param merges pairs of symbols in order of priority, each made of base symbols and results of earlier merges
   * @throws if a merge uses an unknown symbol or occurs twice; the message names it
   */
  constructor(merges: readonly Merge[]) {
    this.#merges = merges;
    this.#symbols = new BpeSymbols();
    for (const [rank, [left, right]] of merges.entries()) {
      const idOf = (symbol: string): number => {
        const id = this.#symbols.idOf(symbol);
        if (id === undefined) {
          throw new Error(
            `tokenizer: merge ${rank} ("${left} ${right}") uses the symbol "${symbol}", which no earlier merge makes`,
          );
        }
        return id;
      };
      const [leftId, rightId] = [idOf(left), idOf(right)];
      if (this.#symbols.hasMerge(leftId, rightId)) {
        throw new Error(`tokenizer: merge ${rank} ("${left} ${right}") occurs twice`);
      }
      this.#symbols.addMerge(leftId, rightId);
    }
    this.startToken = this.#symbols.size;
    this.endToken = this.startToken + 1;
    this.vocabSize = this.startToken + 2;
  }

  /** The ids of one caption, start and end tokens included. A text without words becomes these two tokens. */
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
   * @throws if a caption has no word, or (unless `onTooLong` is 'truncate') more than `contextLength` tokens, start and end tokens
   *   included; the message quotes the caption
   */
  encodeBatch(texts: readonly string[], contextLength: number, options: EncodeBatchOptions = {}): Int32Array {
    return encodeRows(texts, contextLength, options, {
      padToken: this.padToken,
      smallest: 3,
      encode: (text, row) => {
        const ids = this.encode(text);
        if (ids.length > 2) return ids;
        throw new Error(
          `tokenizer: caption ${row} (${quote(text)}) is empty after cleaning: give it a word or drop the pair`,
        );
      },
      shorten: (ids) => [...ids.slice(0, contextLength - 1), this.endToken],
    });
  }

  /**
   * The text of some ids up to the first end token, with one space between words. Start tokens are skipped. Bytes that are not
   * valid UTF-8, which a truncated caption may end with, become U+FFFD.
   */
  decode(ids: Iterable<number>): string {
    const bytes: number[] = [];
    for (const id of ids) {
      if (id === this.endToken) break;
      if (id === this.startToken) continue;
      if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize) {
        throw new RangeError(`tokenizer: there is no token ${id}; ids run from 0 to ${this.vocabSize - 1}`);
      }
      bytes.push(...bytesOfSymbol(this.#symbols.symbolOf(id)));
    }
    return new TextDecoder().decode(Uint8Array.from(bytes)).trimEnd();
  }

  /** The content of `tokenizer.json`, which `BytePairTokenizer.fromJSON` reads. */
  toJSON(): TokenizerJson {
    return {
      format: 'tessera-bpe',
      version: 1,
      vocabSize: this.vocabSize,
      merges: this.#merges.map(([left, right]) => `${left} ${right}`),
    };
  }

  /** Creates a tokenizer from the parsed content of `tokenizer.json`. @throws if the content is not valid; the message says why */
  static fromJSON(value: unknown): BytePairTokenizer {
    const { format, version, vocabSize, merges } = (value ?? {}) as Partial<Record<keyof TokenizerJson, unknown>>;
    if (format !== 'tessera-bpe') {
      throw new Error(`tokenizer: format is ${JSON.stringify(format)}, expected "tessera-bpe"`);
    }
    if (version !== 1) {
      throw new Error(`tokenizer: version is ${JSON.stringify(version)}, this program reads version 1`);
    }
    if (!Array.isArray(merges)) throw new Error('tokenizer: "merges" must be a list of "left right"');
    const tokenizer = new BytePairTokenizer(merges.map(parseMerge));
    if (tokenizer.vocabSize !== vocabSize) {
      throw new Error(
        `tokenizer: vocabSize is ${JSON.stringify(vocabSize)}, but ${merges.length} merges make ${tokenizer.vocabSize} tokens`,
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

/** Parses a line "left right". @param rank its position, for the error message */
export function parseMerge(line: unknown, rank: number): Merge {
  const [left, right, ...rest] = typeof line === 'string' ? line.split(' ') : [];
  if (!left || !right || rest.length > 0) {
    throw new Error(`tokenizer: merge ${rank} is ${JSON.stringify(line)}, expected "left right"`);
  }
  return [left, right];
}
