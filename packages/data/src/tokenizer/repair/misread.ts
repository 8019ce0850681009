/**
 * Repairs text in UTF-8 that was decoded in a single-byte encoding, once or several times, as a whole or in part; a re-implementation
 * of the algorithm of ftfy 6 (`fix_encoding`, Apache License 2.0).
 */
import { controlToWindows1252, type SingleByteEncoding, singleByteEncodings } from './encodings.ts';
import { looksMisread } from './signs-of-misreading.ts';
import { decodeUtf8 } from './utf8.ts';

/** "à" as a word, or the start of a Portuguese one ("àquele"), whose second byte, a no-break space, became a space: a0 returns. */
const LOST_A_GRAVE = /\xc3 (?! |quele|quela|quilo|s )/g;

/** UTF-8 sequences in which a space is in the place of a0. Only lead bytes of scripts that make this likely are considered. */
const WITH_SPACE_FOR_A0 = new RegExp(
  [
    '[\\xc2\\xc3\\xc5\\xce\\xd0\\xd9] ',
    '[\\xe2\\xe3] [\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf]',
    '[\\xe0-\\xe3][\\x80-\\x84\\x86-\\x9f\\xa1-\\xbf] ',
    '\\xf0 [\\x80-\\xbf]{2}',
    '\\xf0[\\x80-\\xbf] [\\x80-\\xbf]',
    '\\xf0[\\x80-\\xbf]{2} ',
  ].join('|'),
  'g',
);

function restoreNoBreakSpaces(bytes: string): string {
  // Searched first: without such a sequence, "à" at the end of a sentence would be changed, too.
  if (bytes.search(WITH_SPACE_FOR_A0) < 0) return bytes;
  return bytes
    .replace(LOST_A_GRAVE, '\xc3\xa0 ')
    .replace(WITH_SPACE_FOR_A0, (sequence) => sequence.replaceAll(' ', '\xa0'));
}

/** UTF-8 sequences of which a byte was lost: 1a where it became U+FFFD; one "?" per sequence may be a lost byte, too. */
const WITH_LOST_BYTES = new RegExp(
  [
    '[\\xc2-\\xdf]\\x1a',
    '[\\xc2\\xc3]\\?',
    '\\xed[\\xa0-\\xaf][\\x1a?]\\xed[\\xb0-\\xbf][\\x1a?\\x80-\\xbf]',
    '\\xed[\\xa0-\\xaf][\\x1a?\\x80-\\xbf]\\xed[\\xb0-\\xbf][\\x1a?]',
    '[\\xe0-\\xef][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xe0-\\xef][\\x1a\\x80-\\xbf][\\x1a?]',
    '[\\xf0-\\xf4][\\x1a?][\\x1a\\x80-\\xbf]{2}',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf][\\x1a?][\\x1a\\x80-\\xbf]',
    '[\\xf0-\\xf4][\\x1a\\x80-\\xbf]{2}[\\x1a?]',
    '\\x1a',
  ].join('|'),
  'g',
);
const REPLACEMENT_CHARACTER_IN_UTF8 = '\xef\xbf\xbd';

/** What `text` means if it is UTF-8 that was decoded in `encoding`, or undefined if it cannot be. */
function rereadFrom(encoding: SingleByteEncoding, text: string): string | undefined {
  let bytes = encoding.encode(text);
  if (bytes === undefined) return undefined;
  // In macintosh, an en dash before a space would match.
  if (encoding.name !== 'macintosh') bytes = restoreNoBreakSpaces(bytes);
  if (encoding.isLossy) bytes = bytes.replace(WITH_LOST_BYTES, REPLACEMENT_CHARACTER_IN_UTF8);
  return decodeUtf8(bytes);
}

/** The characters that latin-1 and the windows encodings read for some bytes, in the syntax of a character class. */
const charactersOfBytes = (...bytes: readonly number[]): string =>
  singleByteEncodings
    .filter(({ name, isLossy }) => name === 'latin-1' || isLossy)
    .flatMap(({ upperHalf }) => bytes.map((byte) => upperHalf[byte - 0x80]))
    .join('');
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

const continuations = charactersOfBytes(...range(0x80, 0xbf));
/** Punctuation that can precede misread text without being a part of it. */
const PUNCTUATION = /[–—―‘’‚“”„•…]/gu;

/** A run of characters that can be misread UTF-8 sequences. A run must not follow on what can be a rest of another sequence. */
const MISREAD_RUN = new RegExp(
  `(?<![${continuations.replace(PUNCTUATION, '')}])(?:${[
    `[${charactersOfBytes(...range(0xc2, 0xdf))}][${continuations} ]`,
    `[${charactersOfBytes(...range(0xe0, 0xef))}][${continuations} ]{2}`,
    // Lead bytes other than f0 and f3 belong to code points without characters.
    `[${charactersOfBytes(0xf0, 0xf3)}][${continuations} ]{3}`,
  ].join('|')})+`,
  'gu',
);

function repairRuns(text: string): string {
  return text.replace(MISREAD_RUN, (run) => (run.length < text.length && looksMisread(run) ? repairMisread(run) : run));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this expression finds all but ASCII
const BEYOND_ASCII = /[^\x00-\x7f]/;
const CONTROLS_OF_LATIN_1 = /[\x80-\x9f]/g;

export const repairControls = (text: string): string => text.replace(CONTROLS_OF_LATIN_1, controlToWindows1252);

/** Undoes the last of possibly several misreadings. A text that is in order is returned as it is. */
function undoMisreading(text: string): string {
  if (!BEYOND_ASCII.test(text) || !looksMisread(text)) return text;
  for (const encoding of singleByteEncodings) {
    const reread = rereadFrom(encoding, text);
    if (reread !== undefined) return reread;
  }
  // No encoding explains the whole text, so its parts may come from several encodings.
  const repaired = repairRuns(text);
  return repaired === text ? repairControls(text) : repaired;
}

/** "cafÃ©" -> "café": undoes misreadings until the text is in order. */
export function repairMisread(text: string): string {
  for (let current = text; ; ) {
    const next = undoMisreading(current);
    if (next === current) return current;
    current = next;
  }
}
