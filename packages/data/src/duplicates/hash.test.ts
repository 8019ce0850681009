// Perceptual hashes against those of Python's imagehash, and the search for near ones against brute force.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Pixels } from '../augment/index.ts';
import { CounterRandom, purpose } from '../random.ts';
import { HashIndex, largestDistance } from './hash-index.ts';
import { hashDistance, hashText, type PerceptualHash, perceptualHash } from './perceptual-hash.ts';

interface Case {
  readonly width: number;
  readonly height: number;
  readonly a: number;
  readonly b: number;
  readonly noise: number;
  readonly phash: string;
}

/** The picture of a case, as data-files/make-hashes.py makes it. */
function picture({ width, height, a, b, noise }: Omit<Case, 'phash'>): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const wave = Math.abs(((x * a + y * b + c * 40) % 510) - 255);
        const rough = ((x * 7919 + y * 104729 + c * 1299709) * (x + 3 * y + 1)) % 251;
        data[(y * width + x) * 3 + c] = Math.floor((wave * (16 - noise) + rough * noise) / 16);
      }
  return { data, width, height };
}

test("the hashes are imagehash's, bit for bit", () => {
  const cases = JSON.parse(readFileSync(new URL('imagehash-cases.json', import.meta.url), 'utf8')) as Case[];
  expect(cases.length).toBe(32);
  expect(cases.map((each) => hashText(perceptualHash(picture(each))))).toEqual(cases.map(({ phash }) => phash));
});

test('pictures of one color and symmetric drawings have hashes without rounding errors', () => {
  const flat = (value: number): Pixels => ({ data: new Uint8Array(40 * 30 * 3).fill(value), width: 40, height: 30 });
  for (const value of [1, 100, 255]) expect(hashText(perceptualHash(flat(value)))).toBe('8000000000000000');
  const symmetric = (scale: number): Pixels => {
    const side = 16 * scale;
    const data = new Uint8Array(side * side * 3).fill(255);
    for (let y = 5 * scale; y < 9 * scale; y++)
      for (let x = 5 * scale; x < 11 * scale; x++) data.fill(20, (y * side + x) * 3, (y * side + x) * 3 + 3);
    return { data, width: side, height: side };
  };
  const [small, large] = [perceptualHash(symmetric(2)), perceptualHash(symmetric(7))];
  expect(hashDistance(small, large)).toBeLessThanOrEqual(2);
});

test.each([0, 1, 3, 4, 7, 8, 10, largestDistance])(
  'the index finds what brute force finds: distance %i',
  (distance) => {
    const seed = Number(process.env.TESSERA_SEED ?? 7);
    console.info(`TESSERA_SEED=${seed}`);
    const random = new CounterRandom(seed, purpose.search, distance);
    const hashes: PerceptualHash[] = [];
    for (let k = 0; k < 600; k++) {
      // Half of the hashes are those before with a few bits changed.
      const base =
        k % 2 === 1 ? (hashes[random.below(k)] as PerceptualHash) : { high: random.bits(), low: random.bits() };
      let { high, low } = base;
      for (let flips = k % 2 === 1 ? random.below(distance + 3) : 0; flips > 0; flips--) {
        const bit = random.below(64);
        if (bit < 32) low = (low ^ (1 << bit)) >>> 0;
        else high = (high ^ (1 << (bit - 32))) >>> 0;
      }
      hashes.push({ high, low });
    }
    const index = new HashIndex(distance);
    for (const [k, hash] of hashes.entries()) {
      const expected = hashes.slice(0, k).flatMap((other, number) => {
        const own = hashDistance(hash, other);
        return own <= distance ? [{ number, distance: own }] : [];
      });
      expect(index.near(hash)).toEqual(expected);
      expect(index.add(hash)).toBe(k);
    }
  },
);

test('distances that cannot be searched are refused', () => {
  for (const distance of [-1, 1.5, largestDistance + 1])
    expect(() => new HashIndex(distance)).toThrow(`a distance of ${distance} bits: expected 0 to 16`);
});
