/** Statistics of captions: lengths in characters and tokens, empty ones, frequent words. */
import { isEmptyCaption } from '../../tokenizer/clean.ts';
import { loadClipTokenizer } from '../../tokenizer/clip.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

export interface CaptionStatistics {
  readonly column: string;
  /** The number of texts; a row can have several. */
  readonly texts: number;
  /** Rows without a text that is not empty. */
  readonly empty: number;
  /** In code points. */
  readonly characters: Quantiles | null;
  /** In tokens of CLIP, with those for start and end; null where its vocabulary is not installed. */
  readonly tokens: Quantiles | null;
  /** Texts with more tokens than CLIP's context of 77, of which the end is cut. Null: not counted. */
  readonly cut: number | null;
  /** The most frequent words of at least three letters. */
  readonly words: readonly { readonly word: string; readonly count: number }[];
}

const contextLength = 77;
const wordsShown = 20;
/** Above this number of different words, those that occurred once are forgotten. */
const mostWords = 200_000;

/** Counts the tokens of a text. */
export type CountTokens = (text: string) => number;

/** CLIP's count of tokens; null where its vocabulary is not installed. */
export async function clipTokenCounter(): Promise<CountTokens | null> {
  try {
    const tokenizer = await loadClipTokenizer();
    return (text) => tokenizer.encode(text).length;
  } catch {
    return null;
  }
}

/** The texts of a value: a text, or a list of them. */
export const textsOf = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string');

export class CaptionCounter {
  readonly #column: string;
  readonly #countTokens: CountTokens | null;
  readonly #characters: number[] = [];
  readonly #tokens: number[] = [];
  readonly #words = new Map<string, number>();
  #empty = 0;

  constructor(column: string, countTokens: CountTokens | null) {
    this.#column = column;
    this.#countTokens = countTokens;
  }

  add(value: unknown): void {
    const texts = textsOf(value);
    if (texts.every(isEmptyCaption)) this.#empty++;
    for (const text of texts) {
      this.#characters.push(Array.from(text).length);
      if (this.#countTokens !== null) this.#tokens.push(this.#countTokens(text));
      for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{M}]{3,}/gu))
        this.#words.set(word, (this.#words.get(word) ?? 0) + 1);
    }
    if (this.#words.size > mostWords)
      for (const [word, count] of this.#words) if (count === 1) this.#words.delete(word);
  }

  statistics(): CaptionStatistics {
    return {
      column: this.#column,
      texts: this.#characters.length,
      empty: this.#empty,
      characters: quantilesOf(this.#characters),
      tokens: quantilesOf(this.#tokens),
      cut: this.#countTokens === null ? null : this.#tokens.filter((count) => count > contextLength).length,
      words: [...this.#words]
        .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
        .slice(0, wordsShown)
        .map(([word, count]) => ({ word, count })),
    };
  }
}
