/**
 * Perceptual hashes: 64 bits that hardly change when a picture is scaled or compressed again.
 *
 * The algorithm is that of `phash` in Python's `imagehash` (after N. Krawetz, "Looks Like It", 2011): gray, 32 x 32 pixels by Pillow's
 * Lanczos filter, the two-dimensional DCT, and of its 8 x 8 lowest frequencies one bit each: whether it is above their median. Where
 * coefficients are equal, for instance in symmetric drawings, imagehash's bits depend on rounding errors; here such bits are 0.
 */
import type { Pixels } from '../augment/index.ts';
import { lanczosResize } from './lanczos.ts';

/** The hash in two halves of 32 bits; row 0 of the frequencies is the upper half's first byte. */
export interface PerceptualHash {
  readonly high: number;
  readonly low: number;
}

const side = 32;
const kept = 8;

/** Pillow's conversion to gray (ITU-R 601-2), in fixed point. @returns u8 [height, width] */
function toGray({ data, width, height }: Pixels): Uint8Array {
  const gray = new Uint8Array(width * height);
  for (let k = 0, at = 0; k < gray.length; k++, at += 3)
    gray[k] =
      ((data[at] as number) * 19595 + (data[at + 1] as number) * 38470 + (data[at + 2] as number) * 7471 + 0x8000) >>
      16;
  return gray;
}

/** The DCT-II's cosines for the kept frequencies: [kept, side]. */
const cosines = Float64Array.from(
  { length: kept * side },
  (_, k) => 2 * Math.cos((Math.PI * Math.floor(k / side) * (2 * (k % side) + 1)) / (2 * side)),
);

/** The 8 x 8 lowest frequencies of 32 x 32 pixels. */
function lowFrequencies(pixels: Uint8Array): Float64Array {
  const vertical = new Float64Array(kept * side);
  for (let u = 0; u < kept; u++)
    for (let y = 0; y < side; y++) {
      const cosine = cosines[u * side + y] as number;
      for (let x = 0; x < side; x++)
        vertical[u * side + x] = (vertical[u * side + x] as number) + cosine * (pixels[y * side + x] as number);
    }
  const found = new Float64Array(kept * kept);
  for (let u = 0; u < kept; u++)
    for (let v = 0; v < kept; v++) {
      let sum = 0;
      for (let x = 0; x < side; x++) sum += (cosines[v * side + x] as number) * (vertical[u * side + x] as number);
      // Coefficients that are 0 or equal by symmetry differ by rounding errors alone.
      found[u * kept + v] = Math.round(sum * 1e6) / 1e6;
    }
  return found;
}

/** The hash of RGB pixels of any size. */
export function perceptualHash(image: Pixels): PerceptualHash {
  const gray = toGray(image);
  const frequencies = lowFrequencies(lanczosResize(gray, image.width, image.height, side));
  const sorted = Float64Array.from(frequencies).sort();
  const middle = sorted.length / 2;
  const median = ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  const half = (from: number): number => {
    let bits = 0;
    for (let k = from; k < from + 32; k++) bits = (bits << 1) | Number((frequencies[k] as number) > median);
    return bits >>> 0;
  };
  return { high: half(0), low: half(32) };
}

const ones = (bits: number): number => {
  let n = bits - ((bits >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
};

/** The number of bits in which two hashes differ. */
export const hashDistance = (a: PerceptualHash, b: PerceptualHash): number =>
  ones(a.high ^ b.high) + ones(a.low ^ b.low);

/** 16 hexadecimal digits, as imagehash writes them. */
export const hashText = ({ high, low }: PerceptualHash): string =>
  [high, low].map((half) => half.toString(16).padStart(8, '0')).join('');
