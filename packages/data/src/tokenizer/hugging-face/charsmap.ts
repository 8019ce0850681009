/**
 * Tables of replaced characters (sentencepiece's `precompiled_charsmap`): a double-array trie from the UTF-8 bytes of a character or a
 * short sequence to the text that replaces it. Format: https://github.com/google/sentencepiece, src/normalizer.cc; the trie is that of
 * https://github.com/s-yata/darts-clone.
 */

const utf8 = new TextEncoder();

const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;

export class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #found = new Map<string, string | null>();

  /** @throws where the table is damaged */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.byteLength < 4 ? -1 : view.getUint32(0, true);
    if (size < 4 || size % 4 !== 0 || size > bytes.byteLength - 4)
      throw new Error(
        `the table of replaced characters has ${bytes.byteLength} bytes and says that its trie has ${size}: it is damaged`,
      );
    this.#units = Uint32Array.from({ length: size / 4 }, (_, k) => view.getUint32(4 + 4 * k, true));
    this.#texts = bytes.subarray(4 + size);
  }

  /** What the shortest sequence of the table with which `text` begins is replaced by; null if there is none. */
  shortest(text: string): string | null {
    const known = this.#found.get(text);
    if (known !== undefined) return known;
    const { value: first } = this.#prefixes(utf8.encode(text), 0).next();
    const replaced = first === undefined ? null : this.#textAt(first.value);
    if (this.#found.size < 2 ** 16) this.#found.set(text, replaced);
    return replaced;
  }

  /** The longest sequence of the table that begins at a byte: its length in bytes, and what replaces it. */
  longest(bytes: Uint8Array, at: number): { readonly length: number; readonly text: string } | null {
    let best: { length: number; value: number } | null = null;
    for (const found of this.#prefixes(bytes, at)) best = found;
    return best === null ? null : { length: best.length, text: this.#textAt(best.value) };
  }

  /** The sequences of the table with which the bytes begin, the shortest first. */
  *#prefixes(bytes: Uint8Array, from: number): Generator<{ readonly length: number; readonly value: number }> {
    let node = offsetOf(this.#units[0] ?? 0);
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === 0) return;
      node = (node ^ byte) >>> 0;
      const unit = this.#units[node];
      if (unit === undefined || labelOf(unit) !== byte) return;
      node = (node ^ offsetOf(unit)) >>> 0;
      if (hasLeaf(unit)) yield { length: at + 1 - from, value: (this.#units[node] ?? 0) & 0x7fffffff };
    }
  }

  #textAt(begin: number): string {
    const end = this.#texts.indexOf(0, begin);
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      this.#texts.subarray(begin, end < 0 ? this.#texts.length : end),
    );
  }
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Each character is a grapheme of its own. */
const PLAIN = /^[\t\n\x20-\x7e]*$/;
/** The longest grapheme in bytes that is looked up as a whole. */
const longestWhole = 5;

/**
 * Replaces characters as the `tokenizers` library does: a short grapheme becomes what replaces the shortest sequence with which it begins,
 * even if something follows it; others are replaced character by character.
 */
export function replaceGraphemes(text: string, map: Charsmap): string {
  let out = '';
  const parts = PLAIN.test(text) ? text : Array.from(graphemes.segment(text), ({ segment }) => segment);
  for (const grapheme of parts) {
    const whole = utf8Length(grapheme) <= longestWhole ? map.shortest(grapheme) : null;
    if (whole !== null) out += whole;
    else for (const character of grapheme) out += map.shortest(character) ?? character;
  }
  return out;
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
