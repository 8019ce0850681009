/** The configurations of a sweep: the order of a grid, and random samples. */
import { expect, it } from 'vitest';
import type { Parameter } from './definition.ts';
import { gridOf, sampleSpace } from './space.ts';

it('is a grid in the order of itertools.product: the last parameter changes fastest', () => {
  const grid = gridOf({ 'optimizer.lr': [1e-3, 1e-2], 'optimizer.kind': ['adamw', 'lion'], layers: [2, 3] });
  // list(itertools.product([1e-3, 1e-2], ['adamw', 'lion'], [2, 3]))
  expect(grid.map((one) => Object.values(one))).toEqual([
    ...[
      [0.001, 'adamw', 2],
      [0.001, 'adamw', 3],
      [0.001, 'lion', 2],
      [0.001, 'lion', 3],
    ],
    ...[
      [0.01, 'adamw', 2],
      [0.01, 'adamw', 3],
      [0.01, 'lion', 2],
      [0.01, 'lion', 3],
    ],
  ]);
  expect(Object.keys(grid[0] ?? {})).toEqual(['optimizer.lr', 'optimizer.kind', 'layers']);
});

const parameters = {
  lr: { distribution: 'log-uniform', min: 1e-4, max: 1e-1 },
  decay: { distribution: 'uniform', min: -1, max: 3 },
  layers: { distribution: 'integer', min: 2, max: 6 },
  kind: ['a', 'b', 'c'],
} satisfies Record<string, Parameter>;

it('are samples that depend only on the seed, and continue a shorter list', () => {
  const samples = sampleSpace(parameters, 8, 5);
  expect(sampleSpace(parameters, 8, 5)).toEqual(samples);
  expect(sampleSpace(parameters, 3, 5)).toEqual(samples.slice(0, 3));
  expect(sampleSpace(parameters, 8, 6)).not.toEqual(samples);
});

/** The largest distance between the distribution of numbers and the uniform one on [0, 1): the statistic of Kolmogorov and Smirnov. */
function distanceFromUniform(numbers: readonly number[]): number {
  const n = numbers.length;
  return Math.max(
    ...numbers
      .toSorted((a, b) => a - b)
      .map((value, at) => Math.max(Math.abs(value - at / n), Math.abs((at + 1) / n - value))),
  );
}

const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 1e6);

it(`have the distributions that were asked for (seed ${seed})`, () => {
  const n = 4000;
  const samples = sampleSpace(parameters, n, seed) as { lr: number; decay: number; layers: number; kind: string }[];
  // Larger distances have a probability of 2 exp(-2 * 2.5^2) = 7e-6 (Kolmogorov's distribution).
  const limit = 2.5 / Math.sqrt(n);
  expect(distanceFromUniform(samples.map(({ lr }) => (Math.log10(lr) + 4) / 3))).toBeLessThan(limit);
  expect(distanceFromUniform(samples.map(({ decay }) => (decay + 1) / 4))).toBeLessThan(limit);
  for (const [name, count] of [
    ['layers', 5],
    ['kind', 3],
  ] as const) {
    const groups = Map.groupBy(samples, (one) => one[name]);
    expect(groups.size).toBe(count);
    // 5 standard deviations of a binomial distribution.
    const deviation = 5 * Math.sqrt(n * (1 / count) * (1 - 1 / count));
    for (const group of groups.values()) expect(Math.abs(group.length - n / count)).toBeLessThan(deviation);
  }
  expect(Math.min(...samples.map(({ layers }) => layers))).toBe(2);
  expect(Math.max(...samples.map(({ layers }) => layers))).toBe(6);
  // Parameters do not follow each other: the correlation of 4000 independent pairs has a deviation of 0.016.
  const centered = samples.map(({ lr, decay }) => ((Math.log10(lr) + 2.5) * (decay - 1)) / (0.866 * 1.155));
  expect(Math.abs(centered.reduce((sum, product) => sum + product, 0) / n)).toBeLessThan(5 / Math.sqrt(n));
});

it('are different from each other, up to the whole space', () => {
  const small = { a: [1, 2], b: { distribution: 'integer', min: 0, max: 4 } } satisfies Record<string, Parameter>;
  const all = sampleSpace(small, 10, 1).map((one) => JSON.stringify(one));
  expect(new Set(all).size).toBe(10);
  expect(() => sampleSpace(small, 11, 1)).toThrow('configurations is 11, but the parameters have only 10 different');
});
