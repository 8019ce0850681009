/** Cleaning of captions, as OpenCLIP's tokenizer does: repair, HTML entities, white space and lower case. */
import { decodeEntities } from './repair/entities.ts';
import { repairText } from './repair/index.ts';
import { WHITE_SPACE } from './repair/white-space.ts';

/** All white space but single spaces, which would only be replaced by themselves. */
const WHITE_SPACES = new RegExp(`[${WHITE_SPACE}]{2,}|(?! )[${WHITE_SPACE}]`, 'g');
const OUTER_SPACES = /^ | $/g;

/**
 * Cleans a caption as OpenCLIP's tokenizer does: repairs it, decodes HTML entities twice ("&amp;amp;" is frequent on the web), replaces
 * each run of white space by one space, trims it and converts it to lower case.
 */
export const cleanCaption = (text: string): string =>
  decodeEntities(decodeEntities(repairText(text)))
    .replace(WHITE_SPACES, ' ')
    .replace(OUTER_SPACES, '')
    .toLowerCase();

/**
 * Letters and digits that no repair removes: ASCII, and the scripts that are in no single-byte encoding. Others can be misread control
 * characters ("ï»¿" is a byte order mark).
 */
const LASTING = /[0-9A-Za-z]|(?=[\u0530-\u1fff\u3040-\ud7ff])[\p{L}\p{N}]/u;

/** Whether nothing is left of a caption when it is cleaned: white space, control characters, or entities for them. */
export const isEmptyCaption = (caption: string): boolean =>
  // A lasting letter outside of a possible entity or terminal escape decides for nearly all captions.
  (caption.includes('\x1b') || !LASTING.test(caption.replace(/&[#&;\w]*/gu, ''))) && cleanCaption(caption) === '';
