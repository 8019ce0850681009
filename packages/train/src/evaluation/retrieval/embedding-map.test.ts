/** Images and captions in a plane. */
import { describe, expect, it } from 'vitest';
import { elementAt } from '../element-at.ts';
import { embeddingMap } from './embedding-map.ts';
import type { Point } from './report.ts';

/** Images along the first axis, texts along the second one, in the same order. */
const embedded = {
  dims: 3,
  imageFeatures: Float32Array.of(1, 0, 0.1, 1, 0, 0.3, 1, 0, 0.5, 1, 0, 0.7),
  imageConcepts: [5, 5, 6, 7],
  imageTexts: ['a cat', 'a cat', 'a cat', 'a dog'],
  textFeatures: Float32Array.of(0, 2, 0.2, 0, 2, 0.6, 0, 2, 1.4),
  textConcepts: [5, 6, 7],
  texts: ['a cat', 'a cat', 'a dog'],
};

describe('embeddingMap', () => {
  const map = embeddingMap(embedded);

  it('connects each image with its caption, and lists a caption of several images once', () => {
    expect(map.imageLabels).toEqual(['a cat', 'a cat', 'a cat', 'a dog']);
    expect(map.textLabels).toEqual(['a cat', 'a cat', 'a dog']);
    expect(map.captions).toEqual([0, 0, 1, 2]);
    expect(map.planes.map(({ images, texts }) => [images.length, texts.length])).toEqual([
      [4, 3],
      [4, 3],
    ]);
  });

  it('tells the modalities apart in the first plane, and shows their common order in the second', () => {
    const [apart, common] = map.planes;
    const side = (points: readonly Point[], index: number): number => Math.sign(elementAt(points, index)[0]);
    for (const points of [apart.images, apart.texts])
      expect(new Set(points.map((_, k) => side(points, k))).size).toBe(1);
    expect(side(apart.images, 0)).toBe(-side(apart.texts, 0));
    for (const points of [common.images, common.texts]) {
      const order = points.map(([x]) => x * side(points, points.length - 1));
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(side(common.images, 3)).toBe(side(common.texts, 2));
    // The rest of the variance comes from normalizing: features are on a sphere.
    expect(common.shares[0]).toBeGreaterThan(0.9);
  });

  it('takes no more images than requested, evenly spread', () => {
    const few = embeddingMap(embedded, 2);
    expect([few.imageLabels, few.textLabels, few.captions]).toEqual([
      ['a cat', 'a cat'],
      ['a cat', 'a cat'],
      [0, 1],
    ]);
  });
});
