/** Finds the format of an image file by its first bytes. */
import { isBmp } from './bmp.ts';
import { isNetpbm } from './netpbm.ts';

const startsWith =
  (signature: readonly number[], offset = 0) =>
  (bytes: Uint8Array): boolean =>
    signature.every((byte, k) => bytes[offset + k] === byte);

const ascii = (text: string): readonly number[] => [...text].map((character) => character.charCodeAt(0));

/** The brand of an ISO media file, such as "avif". */
const hasBrand =
  (...brands: readonly string[]) =>
  (bytes: Uint8Array): boolean =>
    startsWith(ascii('ftyp'), 4)(bytes) && brands.some((brand) => startsWith(ascii(brand), 8)(bytes));

function isSvg(bytes: Uint8Array): boolean {
  const head = new TextDecoder().decode(bytes.subarray(0, 4096));
  return /^\s*<(\?xml|!--|!DOCTYPE svg|svg)/.test(head) && /<svg[\s>]/.test(head);
}

const signatures = {
  jpeg: startsWith([0xff, 0xd8, 0xff]),
  png: startsWith([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  gif: startsWith(ascii('GIF8')),
  webp: (bytes) => startsWith(ascii('RIFF'))(bytes) && startsWith(ascii('WEBP'), 8)(bytes),
  tiff: (bytes) => startsWith([0x49, 0x49, 0x2a, 0])(bytes) || startsWith([0x4d, 0x4d, 0, 0x2a])(bytes),
  avif: hasBrand('avif', 'avis'),
  heic: hasBrand('heic', 'heix', 'hevc', 'mif1'),
  bmp: isBmp,
  netpbm: isNetpbm,
  svg: isSvg,
} as const satisfies Record<string, (bytes: Uint8Array) => boolean>;

export type ImageFormat = keyof typeof signatures;

/** The format of an image file, by its first bytes (4096 are enough); null for other files. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const found = Object.entries(signatures).find(([, matches]) => matches(bytes));
  return found === undefined ? null : (found[0] as ImageFormat);
}
