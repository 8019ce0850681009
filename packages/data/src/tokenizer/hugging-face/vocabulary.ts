/** Tokens and their ids, as a model in a tokenizer's file has them. */

/** Ids are keys of pairs, and the largest is the size of a table of embeddings; no vocabulary is near this. */
export const largestId = 2 ** 24;

/** A model of the `tokenizers` library: turns words into ids. */
export interface TokenModel {
  /** Tokens to ids. */
  readonly ids: ReadonlyMap<string, number>;
  /** Marks the last token of a word; null if nothing does. */
  readonly endOfWord: string | null;
  /** The ids of a word that is not empty. */
  encode(word: string): readonly number[];
}

const utf8 = new TextEncoder();

/** The ids of `<0x00>` to `<0xFF>`, where the vocabulary has them. */
export function byteIds(ids: ReadonlyMap<string, number>): readonly (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
}

/** The ids of a text's bytes; null if the vocabulary lacks one of them. */
export function idsOfBytes(text: string, bytes: readonly (number | undefined)[]): number[] | null {
  const ids: number[] = [];
  for (const byte of utf8.encode(text)) {
    const id = bytes[byte];
    if (id === undefined) return null;
    ids.push(id);
  }
  return ids;
}
