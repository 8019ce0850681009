// Pseudo-random inputs, and the comparison of results.
import { describe, expect, test } from 'vitest';
import { checkOf, disagreement, integers, values } from './values.ts';

describe('values', () => {
  test('are distributed evenly over [-.5, .5)', () => {
    const x = values(100_000, 1);
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const squares = x.reduce((sum, value) => sum + value ** 2, 0) / x.length;
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(Math.abs(squares - 1 / 12)).toBeLessThan(0.001);
    expect(Math.min(...x.slice(0, 1000))).toBeGreaterThanOrEqual(-0.5);
    expect(Math.max(...x.slice(0, 1000))).toBeLessThanOrEqual(0.5);
  });

  test('depend only on index and seed', () => {
    expect(values(50, 3)).toEqual(values(100, 3).slice(0, 50));
    expect(values(50, 3)).not.toEqual(values(50, 4));
    // The values of torch_bench.py, whose formula must be the same.
    expect([...values(3, 1)]).toEqual([-0.019313383847475052, -0.0668642595410347, 0.3801192045211792]);
  });

  test('integers cover all values below their limit', () => {
    expect([...new Set(integers(1000, 1, 5))].sort()).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('results of two libraries', () => {
  const numbers = values(1000, 1);

  test('agree when they differ by rounding', () => {
    const rounded = numbers.map((value) => value * (1 + 1e-6));
    expect(disagreement(checkOf([numbers]), checkOf([rounded]))).toBeNull();
  });

  test.each([
    ['another order of magnitude', (x: number) => 2 * x],
    ['another sign', (x: number) => -x],
    ['not a number', () => Number.NaN],
  ])('disagree by %s', (_, change) => {
    expect(disagreement(checkOf([numbers]), checkOf([numbers.map(change)]))).toMatch(/ours is/);
  });

  test('disagree when ours is not a number', () => {
    expect(disagreement(checkOf([[Number.NaN]]), checkOf([[1]]))).not.toBeNull();
  });

  test('disagree when outputs are missing', () => {
    expect(disagreement(checkOf([numbers, numbers]), checkOf([numbers]))).toBe('4 numbers instead of 8');
  });
});
