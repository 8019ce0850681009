/** Repair and normalization of captions from the web, as CLIP's tokenizer does with ftfy. */
import { decodeHTML, decodeHTMLStrict } from 'entities/decode';

/** The characters of windows-1252 for the bytes 0x80 to 0x9f; '\\0' for bytes that it leaves undefined. */
const WINDOWS_1252_HIGH: readonly string[] = [...'€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ'];

/** The byte behind a character, if UTF-8 was read as windows-1252 (or as latin-1 for bytes that windows-1252 leaves undefined). */
const byteOfCharacter = new Map<string, number>();
for (let byte = 0x80; byte <= 0xff; byte++) byteOfCharacter.set(String.fromCharCode(byte), byte);
for (const [i, character] of WINDOWS_1252_HIGH.entries()) {
  if (character !== '\0') byteOfCharacter.set(character, 0x80 + i);
}

const charactersOfBytes = (low: number, high: number): string =>
  `[${[...byteOfCharacter]
    .filter(([, byte]) => byte >= low && byte <= high)
    .map(([c]) => `\\u{${c.codePointAt(0)?.toString(16)}}`)
    .join('')}]`;

const continuation = charactersOfBytes(0x80, 0xbf);
const twoByte = charactersOfBytes(0xc2, 0xdf) + continuation;
const threeByte = charactersOfBytes(0xe0, 0xef) + continuation.repeat(2);
const fourByte = charactersOfBytes(0xf0, 0xf4) + continuation.repeat(3);
const MISREAD = new RegExp(`(?:${twoByte}|${threeByte}|${fourByte})+`, 'gu');

/**
 * Whether a run of characters that would be valid UTF-8 is certainly a decoding error. A single two-byte sequence can be intended
 * ("CAFÉ™"), unless its first character is Â or Ã; longer sequences, and several in a row, hardly ever occur in real text.
 */
const isCertainlyMisread = (run: string): boolean => run.length > 2 || run.startsWith('Ã') || run.startsWith('Â');

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeMisread(run: string): string {
  const bytes = Uint8Array.from(run, (character) => byteOfCharacter.get(character) ?? 0);
  try {
    return utf8.decode(bytes);
  } catch {
    return run;
  }
}

/** A misread "à" whose second byte, a no-break space, became an ordinary space: "Ã la carte". */
const MISREAD_A_GRAVE = /(?<!\p{L})Ã (?=\p{L})/gu;

/** "cafÃ©" -> "café": UTF-8 that was read as windows-1252 or latin-1, up to three times over. */
function repairEncoding(text: string): string {
  let current = text;
  for (let round = 0; round < 3; round++) {
    // A text is misread as a whole: if one run is certainly misread, the doubtful ones are repaired, too.
    if (!current.match(MISREAD)?.some(isCertainlyMisread)) break;
    const next = current.replace(MISREAD, decodeMisread);
    if (next === current) break;
    current = next;
  }
  return current.replace(MISREAD_A_GRAVE, 'à ');
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with a control character
const TERMINAL_ESCAPES = /\x1b\[[0-?]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: this expression removes control characters
const CONTROL_CHARACTERS = /[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;
const C1_CONTROLS = /[\x80-\x9f]/g;
const LINE_BREAKS = /\r\n|[\r\u2028\u2029]/g;
const SINGLE_QUOTES = /[\u02bc\u2018-\u201b]/g;
const DOUBLE_QUOTES = /[\u201c-\u201f]/g;
/** Ligatures of Latin letters, and the full-width and half-width forms of East Asian typesetting. */
const COMPATIBILITY_FORMS = /[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\uff01-\uffef\u3000]/g;

const c1ToWindows1252 = (character: string): string => {
  const meant = WINDOWS_1252_HIGH[character.charCodeAt(0) - 0x80];
  return meant === undefined || meant === '\0' ? character : meant;
};

/**
 * Repairs text from the web, as CLIP's tokenizer does with ftfy's `fix_text`: HTML entities in text without tags, UTF-8 that was
 * decoded as windows-1252 or latin-1, ligatures, full-width forms, curly quotes, line breaks, lone surrogates and control
 * characters; then it normalizes to NFC. Only windows-1252 and latin-1 are considered, by far the most frequent errors; ftfy
 * tries about ten more encodings.
 */
export function repairText(text: string): string {
  // Most captions are plain ASCII without entities; nothing below would change them.
  if (/^[ !"#$%'-~]*$/.test(text)) return text;
  const unescaped = text.includes('<') ? text : decodeHTMLStrict(text);
  return repairEncoding(unescaped)
    .replace(TERMINAL_ESCAPES, '')
    .replace(C1_CONTROLS, c1ToWindows1252)
    .replace(COMPATIBILITY_FORMS, (character) => character.normalize('NFKC'))
    .replace(SINGLE_QUOTES, "'")
    .replace(DOUBLE_QUOTES, '"')
    .replace(LINE_BREAKS, '\n')
    .toWellFormed()
    .replace(CONTROL_CHARACTERS, '')
    .normalize('NFC');
}

/** Whether nothing is left of a caption when it is cleaned: white space, control characters, or entities for them. */
export const isEmptyCaption = (caption: string): boolean =>
  // A letter or digit outside of a possible entity is never removed, which decides for nearly all captions.
  !/[\p{L}\p{N}]/u.test(caption.replace(/&[#&;\w]*/gu, '')) && cleanCaption(caption) === '';

/**
 * Cleans a caption as CLIP's tokenizer does: repairs it, decodes HTML entities twice ("&amp;amp;" is frequent on the web), replaces
 * each run of white space by one space, trims it and converts it to lower case.
 */
export function cleanCaption(text: string): string {
  const unescaped = decodeHTML(decodeHTML(repairText(text)));
  return unescaped.replace(/\s+/gu, ' ').trim().toLowerCase();
}
