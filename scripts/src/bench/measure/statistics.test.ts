// Medians and paired ratios.
import { describe, expect, test } from 'vitest';
import { median, pairedRatio, summarize } from './statistics.ts';

describe('median', () => {
  test('is the middle value, in any order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 100])).toBe(3.5);
    expect(median([7])).toBe(7);
  });

  test('does not change its argument', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow('no values');
  });
});

test('a summary has median, minimum and count', () => {
  expect(summarize([4, 2, 10])).toEqual({ medianMs: 4, minMs: 2, runs: 3 });
});

describe('the paired ratio', () => {
  test('is not affected by a machine that slows down', () => {
    const slowing = [1, 2, 4, 8, 16];
    expect(
      pairedRatio(
        slowing.map((ms) => 3 * ms),
        slowing,
      ),
    ).toBe(3);
  });

  test('compares the rounds that both sides have', () => {
    expect(pairedRatio([10], [5, 1, 1])).toBe(2);
  });
});
