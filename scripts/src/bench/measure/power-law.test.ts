// Power laws.
import { describe, expect, test } from 'vitest';
import { fitPowerLaw } from './power-law.ts';

describe('fitPowerLaw', () => {
  test('finds the exponent', () => {
    const points = [1, 2, 5, 10].map((x) => ({ x, y: 3 * x ** 1.5 }));
    const { exponent, deviation } = fitPowerLaw(points);
    expect(exponent).toBeCloseTo(1.5, 10);
    expect(deviation).toBeLessThan(1e-10);
  });

  test('measures how far points are from the law', () => {
    const points = [1, 2, 4, 8].map((x, k) => ({ x, y: x * (k === 2 ? 1.5 : 1) }));
    expect(fitPowerLaw(points).deviation).toBeGreaterThan(0.2);
  });

  test('rejects points with equal x', () => {
    expect(() =>
      fitPowerLaw([
        { x: 2, y: 1 },
        { x: 2, y: 3 },
      ]),
    ).toThrow('two different x');
  });
});
