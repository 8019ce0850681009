/** SigLIP's tokenizer, as transformers' `SiglipTokenizer` has it. */
import { WHITE_SPACE } from '../repair/white-space.ts';
import type { TextCoder } from './pipeline.ts';
import { literalRegex } from './regex.ts';
import type { SentencePiece } from './sentence-piece.ts';
import { stripPythonSpace } from './space.ts';

/** Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const SPACES = new RegExp(`[${WHITE_SPACE}]+`, 'g');
const OUTER_SPACE = /^ | $/g;

/** Lower case, without punctuation, with single spaces between words: `SiglipTokenizer.canonicalize_text`. */
export const canonicalizeText = (text: string): string =>
  text.toLowerCase().replace(PUNCTUATION, '').replace(SPACES, ' ').replace(OUTER_SPACE, '');

/** Text to ids with a sentencepiece model, as `SiglipTokenizer` does: special tokens in a text are found, all else is canonicalized. */
export class SiglipCoder implements TextCoder {
  readonly size: number;
  readonly #model: SentencePiece;
  readonly #specials: ReadonlyMap<string, number>;
  readonly #pattern: RegExp;
  /** The number of tokens of `<unk>` as a text, which is put before each text. */
  readonly #prefixLength: number;
  readonly #unknownText: string;

  constructor(model: SentencePiece, specialTokens: readonly string[], unknownText: string) {
    this.#model = model;
    const specials = new Map<string, number>();
    let next = model.pieces.length;
    for (const token of specialTokens) if (!specials.has(token)) specials.set(token, model.idOf(token) ?? next++);
    this.size = next;
    this.#specials = specials;
    const longestFirst = [...specials.keys()].sort((a, b) => b.length - a.length);
    this.#pattern = new RegExp(`(${longestFirst.map((token) => literalRegex(token).source).join('|')})`, 'u');
    this.#unknownText = unknownText;
    this.#prefixLength = model.encode(unknownText).length;
  }

  idOf(token: string): number | undefined {
    return this.#specials.get(token) ?? this.#model.idOf(token);
  }

  encode(original: string): number[] {
    const text = `▁${original.replace(/\p{Surrogate}/gu, '\ufffd').replaceAll('▁', ' ')}`;
    // Every second part is a special token; white space around it belongs to it.
    const parts = this.#specials.size === 0 ? [text] : text.split(this.#pattern);
    const ids: number[] = [];
    for (const [k, part] of parts.entries()) {
      if (k % 2 === 1) {
        const [before] = ids;
        // Only the mark that was put before the text precedes it.
        if (k === 1 && ids.length === 1 && before === this.#model.idOf('▁')) ids.pop();
        ids.push(this.#specials.get(part) as number);
        continue;
      }
      const section = stripPythonSpace(part, { left: k > 0, right: k < parts.length - 1 });
      if (section === '') continue;
      const tokens = this.#model.encode(this.#unknownText + canonicalizeText(section));
      for (const id of tokens.length >= this.#prefixLength ? tokens.slice(this.#prefixLength) : tokens) ids.push(id);
    }
    return ids;
  }

  decode(ids: readonly number[]): string {
    const special = new Set(this.#specials.values());
    const pieces = ids.map((id) => (special.has(id) ? '' : (this.#model.pieces[id]?.text ?? '')));
    return stripPythonSpace(pieces.join('').replaceAll('▁', ' '));
  }
}
