/** HTML entities: all that Python's `html.unescape` knows, and the unambiguous ones that ftfy 6 (Apache License 2.0) replaces. */
import { decodeHTML, decodeHTMLStrict } from 'entities/decode';
import { controlToWindows1252 } from './encodings.ts';

const REFERENCE = /&(?:#(?<decimal>[0-9]+);?|#[xX](?<hex>[0-9a-fA-F]+);?|[^\t\n\f <&#;]{1,32};?)/gu;

/** Code points that HTML forbids and Python removes: control characters except white space, and noncharacters. */
const isForbidden = (code: number): boolean =>
  (code >= 0x01 && code <= 0x08) ||
  code === 0x0b ||
  (code >= 0x0e && code <= 0x1f) ||
  code === 0x7f ||
  (code >= 0xfdd0 && code <= 0xfdef) ||
  (code & 0xfffe) === 0xfffe;

function characterOf(code: number): string {
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return '\ufffd';
  if (code >= 0x80 && code <= 0x9f) return controlToWindows1252(String.fromCharCode(code));
  return isForbidden(code) ? '' : String.fromCodePoint(code);
}

/**
 * Replaces all HTML entities and character references, as Python's `html.unescape`: names without a semicolon too ("&ampx" -> "&x"),
 * numbers 0x80 to 0x9f as windows-1252, forbidden numbers by nothing or by U+FFFD.
 */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (reference, decimal?: string, hex?: string) => {
    if (decimal !== undefined) return characterOf(Number.parseInt(decimal, 10));
    if (hex !== undefined) return characterOf(Number.parseInt(hex, 16));
    return decodeHTML(reference);
  });
}

const CLOSED_ENTITY = /&#?[0-9A-Za-z]{1,24};/g;

function decodeClosedEntity(entity: string): string {
  if (entity.startsWith('&#')) {
    const decoded = decodeEntities(entity);
    // A part of it was not decoded.
    return decoded.includes(';') ? entity : decoded;
  }
  const decoded = decodeHTMLStrict(entity);
  if (decoded !== entity) return decoded;
  // "&NTILDE;": the name of a small letter in capitals, unless HTML itself decodes a part of the capitals ("&AMPX;" is "&X;").
  if (entity !== entity.toUpperCase() || decodeEntities(entity) !== entity) return entity;
  const small = entity.toLowerCase();
  const decodedSmall = decodeHTMLStrict(small);
  return decodedSmall === small ? entity : decodedSmall.toUpperCase();
}

/** Replaces the entities that end with a semicolon, and names of small letters in capitals by capital letters ("&NTILDE;" -> "Ñ"). */
export const decodeClosedEntities = (text: string): string => text.replace(CLOSED_ENTITY, decodeClosedEntity);
