/** Splitting of captions into words, and GPT-2's byte alphabet, in which symbols are written. */
import { cleanCaption } from './clean.ts';

/** The special tokens as OpenCLIP reads them in a text. */
export const START_OF_TEXT = '<start_of_text>';
export const END_OF_TEXT = '<end_of_text>';
/** Marks the last symbol of each word. */
export const END_OF_WORD = '</w>';

/**
 * CLIP's pattern: special tokens, English contractions, runs of letters, single digits, and runs of other non-space characters.
 * OpenCLIP matches it without regard to case, with two effects on text in lower case: the long s (U+017F) counts as an s, and U+0345, a
 * mark whose capital is a letter, belongs to no word. They are written out, because JavaScript's flag for it has other effects.
 */
const WORD =
  /<[sſ]tart_of_text>|<end_of_text>|'[sſ]|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|(?:(?!\u0345)[^\p{White_Space}\p{L}\p{N}])+/gu;

/** The words of a caption after cleaning, in order. */
export const wordsOf = (caption: string): string[] => cleanCaption(caption).match(WORD) ?? [];

interface ByteSymbol {
  readonly byte: number;
  readonly character: string;
}

/**
 * GPT-2's alphabet: each byte as one printable character, so that merges can be written as text. Bytes that are printable in
 * latin-1 come first and represent themselves; the others follow as U+0100, U+0101, ...
 */
function makeByteAlphabet(): ByteSymbol[] {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  return [
    ...all.filter(isPrintable).map((byte) => ({ byte, character: String.fromCharCode(byte) })),
    ...all.filter((byte) => !isPrintable(byte)).map((byte, i) => ({ byte, character: String.fromCharCode(0x100 + i) })),
  ];
}

const alphabet = makeByteAlphabet();

/** The 512 symbols with which every vocabulary begins: the 256 bytes within a word, then the 256 bytes at the end of a word. */
export const baseSymbols: readonly string[] = [
  ...alphabet.map(({ character }) => character),
  ...alphabet.map(({ character }) => character + END_OF_WORD),
];

/** Added to the id of a byte within a word, this is the id of the same byte at the end of a word. */
const endOfWordOffset = alphabet.length;

/** The character of each byte from 0 to 255. */
export const characterOfByte: readonly string[] = alphabet
  .toSorted((a, b) => a.byte - b.byte)
  .map(({ character }) => character);

const symbolIdOfByte = new Map(alphabet.map(({ byte }, id) => [byte, id]));
const byteOfCharacter = new Map(alphabet.map(({ byte, character }) => [character, byte]));

const utf8 = new TextEncoder();

/** A word as ids of base symbols: its UTF-8 bytes, the last one marked as the end of the word. */
export function baseIdsOfWord(word: string): number[] {
  const bytes = utf8.encode(word);
  return Array.from(bytes, (byte, i) => idOfByte(byte) + (i === bytes.length - 1 ? endOfWordOffset : 0));
}

function idOfByte(byte: number): number {
  const id = symbolIdOfByte.get(byte);
  if (id === undefined) throw new RangeError(`tokenizer: ${byte} is not a byte`);
  return id;
}

/** The bytes that a symbol represents, with a space after each end of a word. */
export function bytesOfSymbol(symbol: string): number[] {
  const endsWord = symbol.endsWith(END_OF_WORD) && symbol.length > END_OF_WORD.length;
  const body = endsWord ? symbol.slice(0, -END_OF_WORD.length) : symbol;
  const bytes = Array.from(body, byteOf);
  if (endsWord) bytes.push(0x20);
  return bytes;
}

/** The byte that a character of the alphabet represents; undefined for other characters. */
export const byteOfAlphabet = (character: string): number | undefined => byteOfCharacter.get(character);

function byteOf(character: string): number {
  const byte = byteOfAlphabet(character);
  if (byte === undefined) throw new Error(`tokenizer: "${character}" is not in the byte alphabet`);
  return byte;
}
