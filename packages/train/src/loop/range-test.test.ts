/**
 * The arithmetic of range tests. The expected numbers are those of Python: the smoothing of fast.ai, and the suggestion of Lightning 2.4.0
 * (`_LRFinder.suggestion`, which takes torch.gradient of the losses) for the same losses.
 */
import { describe, expect, it } from 'vitest';
import {
  defaultRangeTest,
  lowestLoss,
  RangeTestCurve,
  type RangeTestPoint,
  rangeTestRate,
  suggestRate,
} from './range-test.ts';

/** Losses of a step that fall, and then diverge, with noise. */
const lossAt = (k: number): number =>
  2.3 - 1.5 / (1 + Math.exp(-(k - 55) / 6)) + Math.exp((k - 80) / 2) + 0.05 * ((((k + 1) * 7919) % 2003) / 1001.5 - 1);

/** The points of a test with these losses, until they diverge. */
function pointsOf(loss: (k: number) => number, options = defaultRangeTest): readonly RangeTestPoint[] {
  const curve = new RangeTestCurve(options);
  for (let k = 0; curve.nextRate !== null; k++) if (curve.add(loss(k))) break;
  return curve.points;
}

/** Points with these smoothed losses. */
const smoothed = (...losses: number[]): RangeTestPoint[] =>
  losses.map((loss, k) => ({ lr: 10 ** k, loss, smoothed: loss }));

/** The smoothing of the recorded numbers. */
const recorded = { ...defaultRangeTest, beta: 0.98 };

describe('a range test', () => {
  it('grows the rate by the same factor from step to step', () => {
    const options = { ...defaultRangeTest, minLr: 1e-4, maxLr: 1, steps: 5 };
    const rates = [0, 1, 2, 3, 4].map((step) => rangeTestRate(step, options));
    for (const [k, rate] of rates.entries()) expect(rate).toBeCloseTo(10 ** (k - 4), 12);
  });

  it('smooths the losses and stops where they diverge', () => {
    const points = pointsOf(lossAt, recorded);
    expect(points).toHaveLength(90);
    for (const [k, value] of [
      [0, 2.3452002847048488],
      [1, 2.3428409678046003],
      [10, 2.320778718469092],
      [50, 2.2068425578718824],
      [89, 6.720824776559618],
    ] as const)
      expect(points[k]?.smoothed).toBeCloseTo(value, 12);
  });

  it("suggests Lightning's rate", () => {
    const found = suggestRate(pointsOf(lossAt, recorded));
    expect(found?.index).toBe(62);
    expect(found?.lr).toBeCloseTo(0.010235310218990268, 12);
  });

  it('ends at a loss that is not finite, which is no point', () => {
    const points = pointsOf((k) => (k === 30 ? Number.NaN : 2));
    expect(points).toHaveLength(30);
    expect(points.at(-1)).toMatchObject({ loss: 2 });
  });

  it('suggests the middle of the steepest part, and nothing where the loss does not fall', () => {
    const all = { skipBegin: 0, skipEnd: 0 };
    expect(suggestRate(smoothed(5, 4.9, 4, 2, 1.9, 8), all)).toEqual({ lr: 100, index: 2 });
    // At an end the difference is to the only neighbor.
    expect(suggestRate(smoothed(5, 1, 0.9), all)).toEqual({ lr: 1, index: 0 });
    expect(suggestRate(smoothed(5, 4.9, 4, 2, 1.9, 8), { skipBegin: 3, skipEnd: 1 })).toEqual({ lr: 1000, index: 3 });
    expect(suggestRate(smoothed(1, 2, 3), all)).toBeNull();
    expect(suggestRate(smoothed(3, 1), { skipBegin: 1, skipEnd: 0 })).toBeNull();
  });

  it('finds the lowest loss', () => {
    expect(lowestLoss(smoothed(3, 1, 2))).toEqual({ lr: 10, index: 1 });
    expect(lowestLoss([])).toBeNull();
  });

  it.each([
    [{ minLr: 0 }, 'the rates must be above 0 and in ascending order, got 0 and 10'],
    [{ minLr: 1, maxLr: 0.5 }, 'got 1 and 0.5'],
    [{ steps: 5 }, 'a whole number from 10 on, got 5'],
    [{ beta: 1 }, 'beta must be in [0, 1), got 1'],
    [{ divergence: 1 }, 'divergence must be above 1, got 1'],
  ])('refuses %j', (options, message) => {
    expect(() => new RangeTestCurve({ ...defaultRangeTest, ...options })).toThrow(message);
  });
});
