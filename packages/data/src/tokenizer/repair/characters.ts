/** Replaces characters by their usual forms; a re-implementation of the character fixes of ftfy 6 (Apache License 2.0). */

/** Ligatures of Latin letters, and the full-width and half-width forms of East Asian typesetting. */
const COMPATIBILITY_FORMS = /[\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\uff01-\uffef\u3000]/g;
/** NFKC also replaces the long s of the ligature U+FB05, ftfy does not. */
const usualForm = (character: string): string => (character === '\ufb05' ? 'ſt' : character.normalize('NFKC'));

const SINGLE_QUOTES = /[\u02bc\u2018-\u201b]/g;
const DOUBLE_QUOTES = /[\u201c-\u201f]/g;
const LINE_BREAKS = /\r\n|[\r\u2028\u2029]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escape sequences begin with a control character
const TERMINAL_ESCAPES = /\x1b\[[\p{Nd};]*[a-zA-Z]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: this expression removes control characters
const CONTROL_CHARACTERS = /[\x00-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g;

/**
 * Breaks up ligatures, replaces full-width and half-width forms, makes quotes straight and line breaks "\n", replaces lone surrogates
 * by U+FFFD, removes terminal escapes and control characters, and normalizes to NFC.
 */
export const replaceUnusualCharacters = (text: string): string =>
  text
    .replace(COMPATIBILITY_FORMS, usualForm)
    .replace(DOUBLE_QUOTES, '"')
    .replace(SINGLE_QUOTES, "'")
    .replace(LINE_BREAKS, '\n')
    .toWellFormed()
    .replace(TERMINAL_ESCAPES, '')
    .replace(CONTROL_CHARACTERS, '')
    .normalize('NFC');
