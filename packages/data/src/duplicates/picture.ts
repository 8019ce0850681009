/** What is compared of pictures: their bytes, their perceptual hashes, and their colors. */
import { createHash } from 'node:crypto';
import type { Pixels } from '../augment/index.ts';
import { decodeImage } from '../image/decode.ts';
import { errorMessage } from '../io/file-system.ts';
import { type PerceptualHash, perceptualHash } from './perceptual-hash.ts';

/** A picture that can be compared with others. */
export interface ComparedPicture {
  /** SHA-256 of the file, a character for each byte. */
  readonly sha256: string;
  /** Null: the picture cannot be decoded, and only equal files are its duplicates. */
  readonly look: PictureLook | null;
  /** Why it cannot be decoded; null if it can be. */
  readonly problem: string | null;
}

export interface PictureLook {
  readonly hash: PerceptualHash;
  /** The mean colors of 8 x 8 parts, u8 [8, 8, 3]: the hash sees neither color nor small parts. */
  readonly colors: Uint8Array;
}

/** Larger pictures are decoded at reduced size. */
const decodedSide = 512;
const cells = 8;

function meanColors({ data, width, height }: Pixels): Uint8Array {
  const colors = new Uint8Array(cells * cells * 3);
  const edge = (k: number, length: number): number => Math.floor((k * length) / cells);
  for (let row = 0; row < cells; row++)
    for (let column = 0; column < cells; column++) {
      // A picture of fewer pixels than parts has some of them several times.
      const [top, left] = [edge(row, height), edge(column, width)];
      const [bottom, right] = [Math.max(top + 1, edge(row + 1, height)), Math.max(left + 1, edge(column + 1, width))];
      const sums = [0, 0, 0];
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++)
          for (let c = 0; c < 3; c++) sums[c] = (sums[c] as number) + (data[(y * width + x) * 3 + c] as number);
      const pixels = (bottom - top) * (right - left);
      for (const [c, sum] of sums.entries()) colors[(row * cells + column) * 3 + c] = Math.round(sum / pixels);
    }
  return colors;
}

/** The largest difference between the colors of two pictures at the same place, from 0 to 255. */
export function colorDifference(a: Uint8Array, b: Uint8Array): number {
  let largest = 0;
  for (const [k, value] of a.entries()) largest = Math.max(largest, Math.abs(value - (b[k] as number)));
  return largest;
}

/** Hash and colors of RGB pixels. */
const lookOf = (pixels: Pixels): PictureLook => ({ hash: perceptualHash(pixels), colors: meanColors(pixels) });

/** Reads a picture's file. It never throws: a picture that cannot be decoded has no look. */
export async function comparePicture(bytes: Uint8Array): Promise<ComparedPicture> {
  const sha256 = createHash('sha256').update(bytes).digest().toString('latin1');
  try {
    const pixels = await decodeImage(bytes, { kind: 'working', size: decodedSide });
    return { sha256, look: lookOf(pixels), problem: null };
  } catch (error) {
    return { sha256, look: null, problem: errorMessage(error) };
  }
}
