/** Pictures for pages and files: data URIs and contact sheets. */
import sharp from 'sharp';
import type { DataUri } from './report-data.ts';

const SIGNATURES: readonly [mediaType: string, matches: (bytes: Buffer) => boolean][] = [
  ['png', (bytes) => bytes.readUInt32BE(0) === 0x89504e47],
  ['jpeg', (bytes) => bytes.readUIntBE(0, 3) === 0xffd8ff],
  ['webp', (bytes) => bytes.toString('latin1', 8, 12) === 'WEBP'],
  ['gif', (bytes) => bytes.toString('latin1', 0, 4) === 'GIF8'],
  ['avif', (bytes) => bytes.toString('latin1', 4, 12) === 'ftypavif'],
];

/** The bytes of an image file for use in a page. The type is read from the bytes; throws where a browser would not show it. */
export function imageDataUri(file: Uint8Array): DataUri {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const found = bytes.length > 12 && SIGNATURES.find(([, matches]) => matches(bytes));
  if (!found) throw new Error('report: an image is neither PNG, JPEG, WebP, GIF nor AVIF');
  return `data:image/${found[0]};base64,${bytes.toString('base64')}`;
}

/** Raw 8-bit pixels, [height, width, channels] with 1 (grey), 3 (RGB) or 4 (RGBA) channels, as a PNG for use in a page. */
export async function pixelsDataUri(
  pixels: Uint8Array,
  { height, width, channels }: { height: number; width: number; channels: 1 | 3 | 4 },
): Promise<DataUri> {
  const png = await sharp(pixels, { raw: { height, width, channels } }).png({ compressionLevel: 9 }).toBuffer();
  return imageDataUri(png);
}

/** Pictures of one side (u8 [S, S, 3] each) as a PNG with `columns` in a row, a white pixel apart. */
export async function pictureGrid(pictures: readonly Uint8Array[], side: number, columns: number): Promise<Buffer> {
  const step = side + 1;
  const rows = Math.ceil(pictures.length / columns);
  const [width, height] = [columns * step + 1, rows * step + 1];
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [k, picture] of pictures.entries()) {
    const left = (k % columns) * step + 1;
    const top = Math.floor(k / columns) * step + 1;
    for (let y = 0; y < side; y++)
      pixels.set(picture.subarray(y * side * 3, (y + 1) * side * 3), ((top + y) * width + left) * 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
