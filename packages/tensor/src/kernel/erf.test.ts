/** The error function and its complement against values of the C library, and of mpmath in 40 digits. */
import { expect, test } from 'vitest';
import { erf, erfc } from './erf.ts';

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

test.each([
  [-3, 1.9999779095030015],
  [-0.8, 1.7421009647076604],
  [0.5, 0.4795001221869535],
  [0.75, 0.28884436634648486],
  [1, 0.15729920705028513],
  [2, 0.004677734981047266],
  [3, 2.209049699858544e-5],
  [6, 2.1519736712498913e-17],
  [10, 2.088487583762545e-45],
  [20, 5.395865611607901e-176],
  [26, 5.663192408856143e-296],
])('erfc(%d)', (x, value) => {
  expect(Math.abs(erfc(x) - value)).toBeLessThanOrEqual(2e-15 * value);
});

test('erfc of special values', () => {
  expect([0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(erfc)).toEqual([1, 0, 2, Number.NaN]);
});
