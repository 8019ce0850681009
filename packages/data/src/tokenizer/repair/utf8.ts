/** Decoding of UTF-8 from strings with one character per byte, strictly or with the variants CESU-8 and Java's. */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text that UTF-8 bytes (one character per byte) encode, or undefined if they are not valid UTF-8. */
function decodeStrictUtf8(bytes: string): string | undefined {
  try {
    return strict.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** The end of the bytes. As Python's `$`, it also precedes a last line break, which therefore counts as a byte of a sequence. */
const END = '(?=\\n?$)';

/**
 * Java's encoding of U+0000 (c0 80), a pair of surrogates in six bytes (CESU-8), and other surrogates and cut-off sequences, which
 * are errors. A c0 or a pair that is cut off before a last line break takes the line break as its last byte, as in ftfy.
 */
const VARIANTS = new RegExp(
  [
    `(?<zero>\\xc0(?:\\x80|\\n$))`,
    `(?<pair>\\xed[\\xa0-\\xaf][\\x80-\\xbf]\\xed[\\xb0-\\xbf](?:[\\x80-\\xbf]|\\n$))`,
    `(?<error>\\xc0${END}|\\xed(?:${END}|[\\xa0-\\xbf](?:[\\x80-\\xbf]|${END})))`,
  ].join('|'),
);

/** The character of a pair of surrogates in six bytes, of which each contributes its lowest four or six bits. */
function decodePair(bytes: string): string {
  const bits = (i: number, mask: number): number => bytes.charCodeAt(i) & mask;
  return String.fromCodePoint(
    0x10000 + (bits(1, 0x0f) << 16) + (bits(2, 0x3f) << 10) + (bits(4, 0x0f) << 6) + bits(5, 0x3f),
  );
}

/** Decodes UTF-8 in which characters above U+FFFF may be pairs of surrogates (CESU-8) and U+0000 may be c0 80. */
function decodeUtf8Variants(bytes: string): string | undefined {
  let decoded = '';
  let rest = bytes;
  for (;;) {
    const match = VARIANTS.exec(rest);
    const before = decodeStrictUtf8(match ? rest.slice(0, match.index) : rest);
    if (before === undefined || match?.groups?.error !== undefined) return undefined;
    decoded += before;
    if (!match) return decoded;
    const [variant] = match;
    decoded += match.groups?.zero === undefined ? decodePair(variant) : '\0';
    rest = rest.slice(match.index + variant.length);
  }
}

/** The text that bytes (one character per byte) encode in UTF-8 or its variants, or undefined if they are neither. */
export const decodeUtf8 = (bytes: string): string | undefined =>
  /[\xc0\xed]/.test(bytes) ? decodeUtf8Variants(bytes) : decodeStrictUtf8(bytes);
