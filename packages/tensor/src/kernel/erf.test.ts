/** The error function against values of the C library. */
import { expect, test } from 'vitest';
import { erf } from './erf.ts';

// Values of the C library.
test.each([
  [0, 0],
  [1e-9, 1.1283791670955127e-9],
  [0.02, 0.022564574691844943],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [2.999, 0.9999777698314002],
  [3, 0.9999779095030014],
  [3.001, 0.9999780483390822],
  [4, 0.9999999845827421],
  [7, 1],
  [Number.POSITIVE_INFINITY, 1],
])('erf(%d)', (x, value) => {
  expect(Math.abs(erf(x) - value)).toBeLessThanOrEqual(4e-16 * Math.max(value, Math.abs(x) < 1e-3 ? x : 1));
  expect(erf(-x)).toBe(-erf(x));
});

test('both formulas agree where they meet', () => {
  expect(Math.abs(erf(3) - erf(3 - 1e-15))).toBeLessThan(3e-16);
});

test('erf of NaN', () => {
  expect(erf(Number.NaN)).toBeNaN();
});
