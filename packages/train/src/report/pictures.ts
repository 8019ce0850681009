/** Pictures for pages and files: from tensors, as data URIs, as contact sheets. */
import type { Tensor } from '@tessera/tensor';
import sharp from 'sharp';
import type { Picture } from './draw.ts';
import type { DataUri } from './report-data.ts';

const SIGNATURES: readonly [mediaType: string, matches: (bytes: Buffer) => boolean][] = [
  ['png', (bytes) => bytes.readUInt32BE(0) === 0x89504e47],
  ['jpeg', (bytes) => bytes.readUIntBE(0, 3) === 0xffd8ff],
  ['webp', (bytes) => bytes.toString('latin1', 8, 12) === 'WEBP'],
  ['gif', (bytes) => bytes.toString('latin1', 0, 4) === 'GIF8'],
  ['avif', (bytes) => bytes.toString('latin1', 4, 12) === 'ftypavif'],
];

/** The bytes of an image file for use in a page. The type is detected from the bytes. @throws for types that a browser cannot show */
export function imageDataUri(file: Uint8Array): DataUri {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const found = bytes.length > 12 && SIGNATURES.find(([, matches]) => matches(bytes));
  if (!found) throw new Error('report: an image is neither PNG, JPEG, WebP, GIF nor AVIF');
  return `data:image/${found[0]};base64,${bytes.toString('base64')}`;
}

/** Raw 8-bit pixels, [height, width, channels] with 1 (gray), 3 (RGB) or 4 (RGBA) channels, as a PNG for use in a page. */
export async function pixelsDataUri(
  pixels: Uint8Array,
  { height, width, channels }: { height: number; width: number; channels: 1 | 3 | 4 },
): Promise<DataUri> {
  const png = await sharp(pixels, { raw: { height, width, channels } }).png({ compressionLevel: 9 }).toBuffer();
  return imageDataUri(png);
}

/** Images u8 [N, H, W, 3] as pictures. */
export async function picturesOf(images: Tensor): Promise<Picture[]> {
  const [count = 0, height = 0, width = 0] = images.shape;
  const pixels = Uint8Array.from(await images.data());
  const bytes = height * width * 3;
  return Array.from({ length: count }, (_, k) => ({ pixels: pixels.slice(k * bytes, (k + 1) * bytes), height, width }));
}

/** Square pictures (u8 [side, side, 3] each) as a PNG with `columns` in a row; see `pictureSheet`. */
export const pictureGrid = (pictures: readonly Uint8Array[], side: number, columns: number): Promise<Buffer> =>
  pictureSheet(pictures, { height: side, width: side }, columns);

/** Pictures of one size (u8 [cell.height, cell.width, 3] each) as a PNG with `columns` in a row, separated by a white pixel. */
export async function pictureSheet(
  pictures: readonly Uint8Array[],
  cell: { readonly height: number; readonly width: number },
  columns: number,
): Promise<Buffer> {
  const rows = Math.ceil(pictures.length / columns);
  const [width, height] = [columns * (cell.width + 1) + 1, rows * (cell.height + 1) + 1];
  const pixels = new Uint8Array(width * height * 3).fill(255);
  const bytes = cell.width * 3;
  for (const [k, picture] of pictures.entries()) {
    const left = (k % columns) * (cell.width + 1) + 1;
    const top = Math.floor(k / columns) * (cell.height + 1) + 1;
    for (let y = 0; y < cell.height; y++)
      pixels.set(picture.subarray(y * bytes, (y + 1) * bytes), ((top + y) * width + left) * 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
