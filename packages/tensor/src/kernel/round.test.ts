/** Rounding of halves, signs of zeros, and numbers whose half step would be rounded. */
import { expect, test } from 'vitest';
import { roundHalfToEven } from './round.ts';

test('halves become the even neighbor', () => {
  expect([0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5].map(roundHalfToEven)).toEqual([0, 2, 2, 4, -0, -2, -2]);
});

test('other numbers become the nearest one', () => {
  const x = [
    0.49999999999999994,
    -0.2,
    0,
    -0,
    1.49,
    1.51,
    2 ** 52 + 1,
    4503599627370495.5,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ];
  const rounded = [0, -0, 0, -0, 1, 2, 2 ** 52 + 1, 2 ** 52, Number.POSITIVE_INFINITY, Number.NaN];
  expect(x.map(roundHalfToEven)).toEqual(rounded);
});
