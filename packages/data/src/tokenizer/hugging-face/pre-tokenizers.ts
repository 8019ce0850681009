/** The pre-tokenizers of the `tokenizers` library: how a normalized text is split into the words that the model reads. */
import { characterOfByte } from '../words.ts';
import { type Builders, buildPart, type JsonPart } from './json-part.ts';
import { patternOf, type SplitBehavior, splitBehaviors, splitText } from './pattern.ts';
import { literalRegex } from './regex.ts';

/** A word, and whether the text begins with it. */
interface Word {
  readonly text: string;
  readonly first: boolean;
}

export type PreTokenize = (words: readonly Word[]) => readonly Word[];

/** Splits each word. Empty words are left out. */
const splitEach =
  (split: (word: Word) => readonly string[]): PreTokenize =>
  (words) =>
    words.flatMap((word) =>
      split(word).flatMap((text, k) => (text === '' ? [] : [{ text, first: word.first && k === 0 }])),
    );

/** GPT-2's pattern. */
const WORD =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
const SPACE = /\p{White_Space}/gu;
const DIGITS = /\p{N}/gu;

const utf8 = new TextEncoder();
/** Each byte as its character of GPT-2's alphabet. */
const inByteAlphabet = (text: string): string =>
  Array.from(utf8.encode(text), (byte) => characterOfByte[byte] as string).join('');

const prependSchemes = ['always', 'first', 'never'] as const;

function metaspace(part: JsonPart): PreTokenize {
  const replacement = part.string('replacement');
  if ([...replacement].length !== 1) part.fail('replacement', 'one character');
  const scheme = part.has('prepend_scheme')
    ? part.choice('prepend_scheme', prependSchemes)
    : part.flag('add_prefix_space', true)
      ? 'always'
      : 'never';
  const split = part.flag('split', true);
  const pattern = literalRegex(replacement);
  return splitEach(({ text: original, first }) => {
    let text = original.replaceAll(' ', replacement);
    const prepends = scheme === 'always' || (scheme === 'first' && first);
    if (prepends && !text.startsWith(replacement)) text = replacement + text;
    return split ? splitText(text, pattern, 'MergedWithNext') : [text];
  });
}

function byteLevel(part: JsonPart): PreTokenize {
  const addsSpace = part.flag('add_prefix_space', true);
  const splits = part.flag('use_regex', true);
  return splitEach(({ text: original }) => {
    const text = addsSpace && !original.startsWith(' ') ? ` ${original}` : original;
    return (splits ? splitText(text, WORD, 'Isolated') : [text]).map(inByteAlphabet);
  });
}

const builders: Builders<PreTokenize> = {
  ByteLevel: byteLevel,
  Metaspace: metaspace,
  Split: (part) => {
    const pattern = patternOf(part);
    const behavior: SplitBehavior = part.choice('behavior', splitBehaviors);
    const invert = part.flag('invert', false);
    return splitEach(({ text }) => splitText(text, pattern, behavior, invert));
  },
  WhitespaceSplit: () => splitEach(({ text }) => splitText(text, SPACE, 'Removed')),
  Digits: (part) => {
    const behavior = part.flag('individual_digits', false) ? 'Isolated' : 'Contiguous';
    return splitEach(({ text }) => splitText(text, DIGITS, behavior));
  },
  Sequence: (part) => {
    const steps = part.parts('pretokenizers').map(preTokenizerOf);
    return (words) => steps.reduce((value, step) => step(value), words);
  },
};

/** @throws where its type is not supported */
export const preTokenizerOf = (part: JsonPart): PreTokenize => buildPart(part, builders);
