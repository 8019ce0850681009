/** Random numbers on the host: distributions, independence, and known values. */
import { manualSeed } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { at } from '../testing/numbers.ts';
import { exactExp, exactLog } from './exact-math.ts';
import { HostRandom } from './random.ts';
import { xoshiro128 } from './xoshiro.ts';
import { layers, tailStart, ziggurat } from './ziggurat.ts';

const seed = 2026;
const count = 2_000_000;

/** Integral of the standard normal density from 0 to x, on a grid by Simpson's rule, linear in between. */
const gridStep = 1e-3;
const integral = (() => {
  const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  const table = new Float64Array(7001);
  for (let k = 1; k < table.length; k++) {
    const [from, to] = [(k - 1) * gridStep, k * gridStep];
    table[k] = at(table, k - 1) + ((density(from) + 4 * density((from + to) / 2) + density(to)) * gridStep) / 6;
  }
  return table;
})();

function normalCdf(x: number): number {
  const place = Math.min(Math.abs(x) / gridStep, integral.length - 2);
  const k = Math.floor(place);
  const area = at(integral, k) + (place - k) * (at(integral, k + 1) - at(integral, k));
  return x < 0 ? 0.5 - area : 0.5 + area;
}

/** sqrt(n) times the largest distance between the sample's distribution and `cdf` (Kolmogorov and Smirnov): 1.95 is passed once in 1,000 samples. */
function distance(sample: Float32Array, cdf: (x: number) => number): number {
  const sorted = sample.slice().sort();
  let largest = 0;
  sorted.forEach((x, i) => {
    const p = cdf(x);
    largest = Math.max(largest, (i + 1) / sorted.length - p, p - i / sorted.length);
  });
  return largest * Math.sqrt(sorted.length);
}

describe(`numbers of the host, seed ${seed}`, () => {
  const normal = new Float32Array(count);
  const uniform = new Float32Array(count);

  beforeAll(() => {
    manualSeed(seed);
    new HostRandom().fillNormal(normal, 0, 1);
    new HostRandom().fillUniform(uniform, -1, 3);
  });

  test('moments of the normal distribution', () => {
    const moment = (power: number): number => normal.reduce((sum, x) => sum + x ** power, 0) / count;
    // Standard errors of the mean of x^p: the root of (the moment 2 p less the square of the moment p) / n.
    for (const [power, expected, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
      [6, 15, 10_170],
    ] as const)
      expect(Math.abs(moment(power) - expected), `x^${power}`).toBeLessThan(4 * Math.sqrt(variance / count));
  });

  test('their distribution as a whole', () => {
    expect(distance(normal, normalCdf)).toBeLessThan(1.95);
    expect(distance(uniform, (x) => (x + 1) / 4)).toBeLessThan(1.95);
    expect(distance(uniform, (x) => ((x + 1) / 4) ** 1.01)).toBeGreaterThan(1.95);
  });

  test.each([1, 2, 3, tailStart, 4, 4.5])('as many beyond %d as there should be, on either side', (edge) => {
    const expected = count * (1 - normalCdf(edge));
    for (const side of [1, -1]) {
      const found = normal.reduce((sum, x) => sum + (side * x > edge ? 1 : 0), 0);
      expect(Math.abs(found - expected)).toBeLessThan(4 * Math.sqrt(expected));
    }
  });

  test.each([1, 2, 3, 255, 512])('nothing in common with the number %d places on, nor with its size', (lag) => {
    let [product, squares] = [0, 0];
    for (let i = lag; i < count; i++) {
      const [x, y] = [at(normal, i - lag), at(normal, i)];
      product += x * y;
      squares += (x * x - 1) * (y * y - 1);
    }
    expect(Math.abs(product / count)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(squares / count)).toBeLessThan(8 / Math.sqrt(count));
  });

  test('a shorter sample is the start of a longer one', () => {
    for (const fill of ['fillNormal', 'fillUniform'] as const) {
      const draw = (length: number): Float32Array => {
        manualSeed(seed);
        const values = new Float32Array(length);
        new HostRandom()[fill](values, 0, 1);
        return values;
      };
      expect(draw(500)).toEqual(draw(512).subarray(0, 500));
    }
  });

  test('streams differ by seed and by site', () => {
    const draw = (): number[] => {
      const values = new Float32Array(8);
      new HostRandom().fillUniform(values, 0, 1);
      return [...values];
    };
    manualSeed(1);
    const [first, second] = [draw(), draw()];
    manualSeed(2);
    expect(new Set([...first, ...second, ...draw()]).size).toBe(24);
    manualSeed(1);
    expect(draw()).toEqual(first);
  });

  /** What every engine and platform must compute: the numbers are part of what a seed means. */
  test('pinned numbers', () => {
    manualSeed(seed);
    const values = new Float32Array(4);
    const bits = (fill: (random: HostRandom) => void): string[] => {
      fill(new HostRandom());
      return [...new Uint32Array(values.buffer)].map((word) => word.toString(16));
    };
    expect(bits((random) => random.fillUniform(values, 0, 1))).toEqual([
      '3e8c4a29',
      '3ecc81b1',
      '3f4918a6',
      '3f4ffd09',
    ]);
    expect(bits((random) => random.fillNormal(values, 0, 1))).toEqual(['bf0943d6', 'bed23e90', '3f6f7a88', 'bf6c1117']);
    expect(bits((random) => random.fillTruncatedNormal(values, 0, 1, -1, 1))).toEqual([
      'bf679543',
      'befc068b',
      'bf544a00',
      'be29e3d9',
    ]);
    let hash = 0;
    for (const word of new Int32Array(normal.buffer)) hash = (Math.imul(hash, 31) + word) | 0;
    expect(hash).toBe(171833469);
  });
});

test('xoshiro128++ has the numbers of its authors’ program from the state 1, 2, 3, 4', () => {
  const state = Int32Array.of(1, 2, 3, 4);
  const out = new Int32Array(4);
  xoshiro128(state, out);
  expect([...new Uint32Array(out.buffer)]).toEqual([641, 1573767, 3222811527, 3517856514]);
});

test('the ziggurat: layers of equal area that end at the top of the curve', () => {
  const { edges, heights } = ziggurat;
  const areaOf = (k: number): number => at(edges, k) * (at(heights, k + 1) - at(heights, k));
  for (let k = 0; k < layers; k++) expect(areaOf(k) / areaOf(0), `layer ${k}`).toBeCloseTo(1, 9);
  for (let k = 1; k <= layers; k++) expect(heights[k]).toBeCloseTo(Math.exp(-0.5 * at(edges, k) ** 2), 14);
  // The lowest layer: the rectangle up to the tail, and the tail.
  const tail = Math.sqrt(2 * Math.PI) * (1 - normalCdf(tailStart));
  expect(tailStart * at(heights, 1) + tail).toBeCloseTo(areaOf(0), 8);
});

test('exponential and logarithm agree with the engine’s', () => {
  for (let k = 1; k <= 2000; k++) {
    expect(exactExp(-k / 100) / Math.exp(-k / 100)).toBeCloseTo(1, 14);
    if (k < 2000) expect(exactLog(k / 2000) / Math.log(k / 2000)).toBeCloseTo(1, 14);
  }
  expect([exactExp(0), exactLog(1)].map(Math.abs)).toEqual([1, 0]);
  expect(exactLog(2 ** -33)).toBeCloseTo(-33 * Math.LN2, 13);
});
