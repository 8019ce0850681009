/** The normalizers of the `tokenizers` library: what happens to a text before it is split. */
import { Charsmap, replaceGraphemes } from './charsmap.ts';
import { type Builders, buildPart, type JsonPart } from './json-part.ts';
import { patternOf } from './pattern.ts';
import { stripUnicodeSpace, UNICODE_SPACE } from './space.ts';

/** Whether the first character of a text is still the first one that was given, which `Metaspace` asks. */
interface TextStart {
  kept: boolean;
}

export type Normalize = (text: string, start?: TextStart) => string;

/** Lower case of each character by itself, as in Rust: a sigma at the end of a word has no form of its own. */
export const lowercaseCharacters: Normalize = (text) =>
  text
    .split('Σ')
    .map((part) => part.toLowerCase())
    .join('σ');

/** Combining marks, as in `char::is_combining_mark`. */
const MARK = /\p{M}/gu;

/** Control characters that `Nmt` removes, and characters that it makes spaces. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are removed
const NMT_REMOVED = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

const form = (name: 'NFC' | 'NFD' | 'NFKC' | 'NFKD') => (): Normalize => (text) => text.normalize(name);

function charsmapOf(part: JsonPart): Charsmap {
  const text = part.string('precompiled_charsmap');
  try {
    return new Charsmap(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch (cause) {
    throw new Error(`${part.place}.precompiled_charsmap: ${(cause as Error).message}`, { cause });
  }
}

export const sequence =
  (steps: readonly Normalize[]): Normalize =>
  (text, start) =>
    steps.reduce((value, step) => step(value, start), text);

/** A step that removes or replaces what `pattern` matches. @param keepsStart whether a match at the start leaves it where it was */
const removing =
  (pattern: RegExp, step: Normalize, keepsStart: (match: string) => boolean = () => false): Normalize =>
  (text, start) => {
    if (start?.kept === true && text.search(pattern) === 0)
      start.kept = keepsStart(text.match(new RegExp(pattern.source, 'u'))?.[0] ?? '');
    return step(text);
  };

const builders: Builders<Normalize> = {
  NFC: form('NFC'),
  NFD: form('NFD'),
  NFKC: form('NFKC'),
  NFKD: form('NFKD'),
  Nmt: () => removing(NMT_REMOVED, (text) => text.replace(NMT_REMOVED, '').replace(NMT_SPACES, ' ')),
  Lowercase: () => lowercaseCharacters,
  StripAccents: () => removing(MARK, (text) => text.replace(MARK, '')),
  Strip: (part) => {
    const [left, right] = [part.flag('strip_left', true), part.flag('strip_right', true)];
    const strip: Normalize = (text) => stripUnicodeSpace(text, { left, right });
    return left ? removing(UNICODE_SPACE, strip) : strip;
  },
  Replace: (part) => {
    const [pattern, content] = [patternOf(part), part.string('content')];
    // One character that is replaced has the place of what replaces it, as in the library.
    const keepsStart = (match: string): boolean => content !== '' && [...match].length === 1;
    return removing(pattern, (text) => text.replace(pattern, () => content), keepsStart);
  },
  Prepend: (part) => {
    const prefix = part.string('prepend');
    return (text) => (text === '' ? text : prefix + text);
  },
  Precompiled: (part) => {
    const map = charsmapOf(part);
    return (text) => replaceGraphemes(text, map);
  },
  Sequence: (part) => sequence(part.parts('normalizers').map(normalizerOf)),
};

/** @throws where its type is not supported */
export const normalizerOf = (part: JsonPart): Normalize => buildPart(part, builders);
