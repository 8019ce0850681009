/**
 * Search for hashes within a Hamming distance (multi-index hashing: M. Norouzi, A. Punjani and D. Fleet, "Fast Search in Hamming Space with
 * Multi-Index Hashing", CVPR 2012).
 *
 * The 64 bits are four bands of 16. If two hashes differ in at most D bits, they differ in at most D / 4 bits within one of the bands. Each
 * band has a table of the hashes by its value, in which only the values that near are looked up.
 */
import { hashDistance, type PerceptualHash } from './perceptual-hash.ts';

const bands = 4;
const bandBits = 64 / bands;
const values = 2 ** bandBits;

/** The largest distance that is searched: beyond it, unrelated pictures are near each other too. */
export const largestDistance = 16;

const bandOf = ({ high, low }: PerceptualHash, band: number): number => {
  const half = band < 2 ? high : low;
  return band % 2 === 0 ? half >>> bandBits : half & (values - 1);
};

/** All numbers of 16 bits with at most `radius` ones. */
function masksWithin(radius: number): number[] {
  const masks = [0];
  let last = [0];
  for (let ones = 1; ones <= radius; ones++) {
    last = last.flatMap((mask) => {
      const from = mask === 0 ? 0 : 32 - Math.clz32(mask);
      return Array.from({ length: bandBits - from }, (_, k) => mask | (1 << (from + k)));
    });
    masks.push(...last);
  }
  return masks;
}

/** Hashes, to which further ones can be added, with those that are near a given one. */
export class HashIndex {
  readonly #distance: number;
  readonly #masks: readonly number[];
  /** For each band and value, the last hash with it; -1: none. */
  readonly #heads = Array.from({ length: bands }, () => new Int32Array(values).fill(-1));
  /** For each band and hash, the hash before it with the same value. */
  readonly #before: number[][] = Array.from({ length: bands }, () => []);
  readonly #hashes: PerceptualHash[] = [];

  /** @param distance the largest number of different bits; 0 to `largestDistance` */
  constructor(distance: number) {
    if (!Number.isInteger(distance) || distance < 0 || distance > largestDistance)
      throw new RangeError(`a distance of ${distance} bits: expected 0 to ${largestDistance}`);
    this.#distance = distance;
    this.#masks = masksWithin(Math.floor(distance / bands));
  }

  /** @returns the number of the hash: 0, 1, 2 ... */
  add(hash: PerceptualHash): number {
    const number = this.#hashes.push(hash) - 1;
    for (let band = 0; band < bands; band++) {
      const heads = this.#heads[band] as Int32Array;
      const value = bandOf(hash, band);
      (this.#before[band] as number[]).push(heads[value] as number);
      heads[value] = number;
    }
    return number;
  }

  /** The hashes within the distance, each once, in the order in which they were added. */
  near(hash: PerceptualHash): { readonly number: number; readonly distance: number }[] {
    const found = new Map<number, number>();
    for (let band = 0; band < bands; band++) {
      const heads = this.#heads[band] as Int32Array;
      const before = this.#before[band] as number[];
      const value = bandOf(hash, band);
      for (const mask of this.#masks)
        for (let at = heads[value ^ mask] as number; at >= 0; at = before[at] as number) {
          if (found.has(at)) continue;
          const distance = hashDistance(hash, this.#hashes[at] as PerceptualHash);
          if (distance <= this.#distance) found.set(at, distance);
        }
    }
    return [...found].map(([number, distance]) => ({ number, distance })).sort((a, b) => a.number - b.number);
  }
}
