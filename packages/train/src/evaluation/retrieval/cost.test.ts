/** The estimated cost of retrieval. */
import { expect, it } from 'vitest';
import { comparedSplit, retrievalBytes, retrievalProducts, secondsPerProduct } from './cost.ts';

it('counts different texts and concepts, and the training images whose concept is evaluated', () => {
  const test = { texts: ['a', 'b', 'a', 'a'], concepts: [1, 2, 1, 3] };
  // The text a belongs to two concepts.
  expect(comparedSplit(test, null)).toEqual({ images: 4, texts: 3, concepts: 3, known: 0 });
  expect(comparedSplit(test, { texts: ['x', 'y', 'z'], concepts: [3, 3, 9] })).toMatchObject({ known: 2 });
});

it('adds the arrays that exist at the same time', () => {
  const split = { images: 100, texts: 50, concepts: 40, known: 300 };
  const features = 2 * 150 * 8 * 4;
  expect(retrievalBytes(split, 8, 0)).toBe(features + 100 * 50 * 8);
  const pixels = (2 * 1000 + 300 + 2 * 100) * 768 * 4;
  expect(retrievalBytes(split, 8, 1000)).toBe(features + pixels + 100 * 300 * 8 + 100 * 40 * 8);
  // At most two blocks of 64 MiB exist, however many images there are.
  const large = { images: 1e5, texts: 10, concepts: 1, known: 1e5 };
  expect(retrievalBytes(large, 8, 1e5) - retrievalBytes({ ...large, known: 0 }, 8, 1e5)).toBeLessThan(
    2 ** 27 + 1e5 * 3072,
  );
});

it('counts the multiplications in both directions, and those of pixels', () => {
  const split = { images: 100, texts: 50, concepts: 40, known: 300 };
  expect(retrievalProducts(split, 8, 0)).toBe(2 * 100 * 50 * 8);
  expect(retrievalProducts(split, 8, 1000)).toBe(2 * 100 * 50 * 8 + 100 * 300 * 768);
  expect(secondsPerProduct()).toBeGreaterThan(1e-12);
  expect(secondsPerProduct()).toBeLessThan(1e-6);
});
