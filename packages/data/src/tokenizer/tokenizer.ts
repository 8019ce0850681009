/** What models and tasks use of a tokenizer. */

export interface EncodeBatchOptions {
  /** What to do with a caption of more than `contextLength` tokens: throw (default), or cut it off and put the end token last. */
  onTooLong?: 'truncate' | 'error';
}

/** Turns captions into ids and back. */
export interface Tokenizer {
  /** Number of ids; each id is below it. */
  readonly vocabSize: number;
  /** Id that is first in each caption; null if none is. */
  readonly startToken: number | null;
  /** Id that is last in each caption; null if none is. */
  readonly endToken: number | null;
  /** Id that fills a row. */
  readonly padToken: number;
  /** Whether padding is put before a caption. */
  readonly padsLeft: boolean;
  /** The number of tokens for which the tokenizer's model was trained; null if that is not known. */
  readonly contextLength: number | null;
  /** The ids of one caption, start and end tokens included, of any number. */
  encode(text: string): number[];
  /**
   * The ids of B captions as a row-major Int32Array [B, contextLength], filled with `padToken`.
   *
   * @throws if (unless `onTooLong` is 'truncate') a caption has more than `contextLength` tokens, start and end tokens included; the
   *   message quotes the caption
   */
  encodeBatch(texts: readonly string[], contextLength: number, options?: EncodeBatchOptions): Int32Array;
  /** The text of some ids, without start, end and padding. */
  decode(ids: Iterable<number>): string;
  /** The content of `tokenizer.json`, which `loadTokenizer` reads. */
  toJSON(): unknown;
}

/** A caption, shortened for an error message. */
export const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

/** How a tokenizer fills a row. */
interface Rows {
  readonly padToken: number;
  readonly padsLeft?: boolean;
  /** The fewest tokens in which a caption fits. */
  readonly smallest: number;
  /** The ids of the caption of a row. */
  readonly encode: (text: string, row: number) => number[];
  /** The ids of a caption that is too long, cut to the context. */
  readonly shorten: (ids: readonly number[]) => readonly number[];
}

/** Encodes captions as rows of one length; see `Tokenizer.encodeBatch`. */
export function encodeRows(
  texts: readonly string[],
  contextLength: number,
  { onTooLong = 'error' }: EncodeBatchOptions,
  { padToken, padsLeft = false, smallest, encode, shorten }: Rows,
): Int32Array {
  if (!Number.isInteger(contextLength) || contextLength < smallest) {
    throw new RangeError(
      `tokenizer: a context of ${contextLength} tokens has no room for start, one token and end: at least ${smallest} are needed`,
    );
  }
  const batch = new Int32Array(texts.length * contextLength).fill(padToken);
  for (const [row, text] of texts.entries()) {
    const all = encode(text, row);
    if (all.length > contextLength && onTooLong === 'error')
      throw new Error(
        `tokenizer: caption ${row} (${quote(text)}) has ${all.length} tokens, more than the context of ${contextLength}: ` +
          "shorten it, enlarge the context, or truncate with onTooLong: 'truncate'",
      );
    const ids = all.length > contextLength ? shorten(all) : all;
    batch.set(ids, row * contextLength + (padsLeft ? contextLength - ids.length : 0));
  }
  return batch;
}
