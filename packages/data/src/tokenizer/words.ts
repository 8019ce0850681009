import { cleanCaption } from './repair.ts';

export const START_OF_TEXT = '<|startoftext|>';
export const END_OF_TEXT = '<|endoftext|>';
/** Ends the last symbol of each word. */
const END_OF_WORD = '</w>';

/** CLIP's pattern: special tokens, English contractions, runs of letters, single digits, runs of anything else but blanks. */
const WORD = /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;

/** The words of a caption after cleaning, in order. */
export const wordsOf = (caption: string): string[] => cleanCaption(caption).match(WORD) ?? [];

/**
 * GPT-2's alphabet: each byte as one printable character, so that merges can be written as text. Bytes that are printable in
 * latin-1 stand for themselves and come first, the others follow as U+0100, U+0101, ...
 */
function makeByteAlphabet(): { bytes: number[]; characters: string[] } {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const printable = all.filter(isPrintable);
  const others = all.filter((byte) => !isPrintable(byte));
  return {
    bytes: [...printable, ...others],
    characters: [
      ...printable.map((byte) => String.fromCharCode(byte)),
      ...others.map((_, i) => String.fromCharCode(0x100 + i)),
    ],
  };
}

const alphabet = makeByteAlphabet();

/** The 512 symbols with which every vocabulary begins: the 256 bytes within a word, then the 256 bytes at a word's end. */
export const baseSymbols: readonly string[] = [
  ...alphabet.characters,
  ...alphabet.characters.map((character) => character + END_OF_WORD),
];

const symbolIdOfByte = new Int32Array(256);
for (const [id, byte] of alphabet.bytes.entries()) symbolIdOfByte[byte] = id;

const byteOfCharacter = new Map(alphabet.characters.map((character, i) => [character, alphabet.bytes[i]]));

const utf8 = new TextEncoder();

/** A word as ids of base symbols: its UTF-8 bytes, the last one marked as the word's end. */
export function baseIdsOfWord(word: string): number[] {
  const ids = Array.from(utf8.encode(word), (byte) => symbolIdOfByte[byte]);
  ids[ids.length - 1] += 256;
  return ids;
}

/** The bytes that a symbol stands for; a blank after each end of a word. */
export function bytesOfSymbol(symbol: string): number[] {
  const endsWord = symbol.endsWith(END_OF_WORD) && symbol.length > END_OF_WORD.length;
  const body = endsWord ? symbol.slice(0, -END_OF_WORD.length) : symbol;
  const bytes = Array.from(body, (character) => byteOfCharacter.get(character) as number);
  if (endsWord) bytes.push(0x20);
  return bytes;
}
