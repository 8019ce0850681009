/** Inner products, recalls and nearest neighbors, compared with direct computations. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementAt } from '../element-at.ts';
import { largest, nearestNeighbors, retrievalMetrics } from './metrics.ts';
import { innerProducts, normalizeRows, rowAt } from './products.ts';

const small = fc.integer({ min: -3, max: 3 });
const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, d) => sum + x * elementAt(b, d), 0);
const matrix = (rows: number, dims: number) =>
  fc.array(small, { minLength: rows * dims, maxLength: rows * dims }).map((values) => Float32Array.from(values));

it('innerProducts is the sum over the dimensions, for all sizes', () => {
  const sizes = fc.record({ m: fc.integer({ min: 1, max: 9 }), n: fc.nat(9), dims: fc.integer({ min: 1, max: 7 }) });
  fc.assert(
    fc.property(
      sizes.chain(({ m, n, dims }) => fc.tuple(matrix(m, dims), matrix(n, dims), fc.constant(dims))),
      ([a, b, dims]) => {
        const expected: number[] = [];
        for (let i = 0; i < a.length; i += dims) {
          for (let j = 0; j < b.length; j += dims) {
            expected.push(dot(a.subarray(i, i + dims), b.subarray(j, j + dims)));
          }
        }
        expect([...innerProducts(a, b, dims)]).toEqual(expected);
      },
    ),
  );
});

it('innerProducts crosses its blocks', () => {
  const dims = 70_000;
  const b = new Float32Array(5 * dims).map((_, i) => (i % 7) - 3);
  const self = innerProducts(b, b, dims);
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 5; j++) expect(self[i * 5 + j]).toBe(self[j * 5 + i]);
    const row = rowAt(b, i, dims);
    expect(self[i * 6]).toBe(dot(row, row));
  }
});

describe('retrievalMetrics', () => {
  it('finds everything where the features of a concept are alone', () => {
    const features = Float32Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3);
    const concepts = [7, 8, 9];
    const metrics = retrievalMetrics(features, features, 3, { imageConcepts: concepts, textConcepts: concepts });
    expect(metrics.imageToText).toEqual({ r1: 1, r5: 1, r10: 1, medianRank: 1, queries: 3, candidates: 3 });
    expect(metrics.textToImage).toEqual(metrics.imageToText);
  });

  it('counts ties against the query', () => {
    const same = new Float32Array(20 * 2).fill(1);
    const concepts = Array.from({ length: 20 }, (_, i) => i);
    const { imageToText } = retrievalMetrics(same, same, 2, { imageConcepts: concepts, textConcepts: concepts });
    expect(imageToText).toMatchObject({ r1: 0, r5: 0, r10: 0, medianRank: 20 });
  });

  it('counts any item of the concept as a hit', () => {
    // The texts of concept 1 are the best and the worst for the image of concept 1.
    const images = Float32Array.of(1, 0, -1, 1);
    const texts = Float32Array.of(0, 1, 1, 0.1, 1, 0);
    const concepts = { imageConcepts: [1, 2], textConcepts: [1, 2, 1] };
    const { imageToText, textToImage } = retrievalMetrics(images, texts, 2, concepts);
    expect(imageToText).toMatchObject({ r1: 0.5, r5: 1, medianRank: 1.5, queries: 2, candidates: 3 });
    expect(textToImage).toMatchObject({ r1: 1 / 3, r5: 1, medianRank: 2, queries: 3, candidates: 2 });
  });

  it('equals what sorting all items results in', () => {
    const dims = 3;
    const input = fc
      .record({ images: fc.integer({ min: 1, max: 12 }), concepts: fc.integer({ min: 1, max: 4 }) })
      .chain(({ images, concepts }) =>
        fc.record({
          imageFeatures: matrix(images, dims),
          imageConcepts: fc.array(fc.nat(concepts - 1), { minLength: images, maxLength: images }),
          textFeatures: matrix(concepts * 2, dims),
          textConcepts: fc.constant(Array.from({ length: concepts * 2 }, (_, i) => i >> 1)),
        }),
      );
    fc.assert(
      fc.property(input, ({ imageFeatures, imageConcepts, textFeatures, textConcepts }) => {
        const images = normalizeRows(imageFeatures, dims);
        const texts = normalizeRows(textFeatures, dims);
        const ranks = imageConcepts.map((concept, image) => {
          const scored = textConcepts.map((textConcept, text) => ({
            right: textConcept === concept,
            score: dot(rowAt(images, image, dims), rowAt(texts, text, dims)),
          }));
          scored.sort((a, b) => b.score - a.score || Number(a.right) - Number(b.right));
          const first = scored.findIndex(({ right }) => right);
          return 1 + scored.slice(0, first).filter(({ right }) => !right).length;
        });
        fc.pre(textConcepts.every((concept) => imageConcepts.includes(concept)));
        const { imageToText } = retrievalMetrics(imageFeatures, textFeatures, dims, { imageConcepts, textConcepts });
        const share = (k: number) => ranks.filter((rank) => rank <= k).length / ranks.length;
        expect([imageToText.r1, imageToText.r5, imageToText.r10]).toEqual([share(1), share(5), share(10)]);
        const sorted = ranks.toSorted((a, b) => a - b);
        const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
        const median = middle.reduce((sum, rank) => sum + rank, 0) / middle.length;
        expect(imageToText.medianRank).toBe(median);
      }),
    );
  });

  it('computes the expected recalls of a random ranking', () => {
    const eye = new Float32Array(8 * 8);
    for (let i = 0; i < 8; i++) eye[i * 9] = 1;
    // 8 texts, of which two (concept 0) or one (the others) are right.
    const textConcepts = [0, 0, 1, 2, 3, 4, 5, 6];
    const imageConcepts = [0, 1, 2, 3, 4, 5, 6, 6];
    const { chance } = retrievalMetrics(eye, eye, 8, { imageConcepts, textConcepts });
    expect(chance.imageToText.r1).toBeCloseTo((2 / 8 + 7 * (1 / 8)) / 8, 12);
    // The probability to miss both is C(6, 5) / C(8, 5) = 6 / 56; to miss one it is 1 - 5 / 8.
    expect(chance.imageToText.r5).toBeCloseTo((1 - 6 / 56 + 7 * (5 / 8)) / 8, 12);
    expect(chance.imageToText).toMatchObject({ r10: 1, medianRank: 4, queries: 8, candidates: 8 });
  });

  it.each([
    ['another number of concepts', [0, 1, 2], [0, 1], '2 image features, but 3 image concepts'],
    ['a concept without texts', [0, 3], [0, 1], 'query 1 has concept 3, which none of the 2 items has'],
  ])('refuses %s', (_, imageConcepts, textConcepts, message) => {
    const two = Float32Array.of(1, 0, 0, 1);
    expect(() => retrievalMetrics(two, two, 2, { imageConcepts, textConcepts })).toThrow(message);
  });

  it('refuses features that are not finite, naming the row', () => {
    const good = Float32Array.of(1, 0, 0, 1);
    const concepts = { imageConcepts: [0, 1], textConcepts: [0, 1] };
    const bad = Float32Array.of(1, 0, Number.NaN, 1);
    expect(() => retrievalMetrics(good, bad, 2, concepts)).toThrow(
      'text features: row 1 contains a value that is not finite',
    );
  });
});

it('largest returns the largest values first, and of equal values the first', () => {
  fc.assert(
    fc.property(fc.array(small), fc.nat(6), (values, k) => {
      const sorted = values.map((value, index) => ({ index, value })).sort((a, b) => b.value - a.value);
      expect(largest(Float64Array.from(values), k)).toEqual(sorted.slice(0, k));
    }),
  );
});

it('nearestNeighbors returns indices and cosines', () => {
  const items = Float32Array.of(1, 0, 0, 1, 3, 3);
  const { indices, scores, k } = nearestNeighbors(Float32Array.of(2, 0, 1, 1), items, 2, 2);
  expect([...indices]).toEqual([0, 2, 2, 0]);
  expect(scores[0]).toBe(1);
  expect(scores[1]).toBeCloseTo(Math.SQRT1_2, 6);
  expect(k).toBe(2);
  expect(nearestNeighbors(items, items, 2, 10).k).toBe(3);
});
