/** The baseline by raw pixels, compared with a direct computation. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementAt } from '../element-at.ts';
import { downscale, type PixelImages, pixelBaseline } from './pixels.ts';

const gray = (values: number[][]): PixelImages => {
  const side = Math.sqrt(elementAt(values, 0).length);
  return { data: Float32Array.from(values.flat()), count: values.length, height: side, width: side, channels: 1 };
};

describe('downscale', () => {
  it('averages the area of each pixel', () => {
    const image = gray([[1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    expect([...downscale(image, 1)]).toEqual([5]);
    expect([...downscale(image, 3)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // 1.5 pixels each way: weights 1 and a half of 1.5.
    const corner = (1 + 2 / 2 + 4 / 2 + 5 / 4) / 2.25;
    expect(downscale(image, 2)[0]).toBeCloseTo(corner, 6);
  });

  it('keeps the mean, whatever the sizes and the layout', () => {
    const sizes = fc.record({
      height: fc.integer({ min: 1, max: 9 }),
      width: fc.integer({ min: 1, max: 9 }),
      size: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.nat(255)), ({ height, width, size }, random) => {
        const channelsFirst = Uint8Array.from({ length: 2 * height * width }, () => random.next().value as number);
        const channelsLast = channelsFirst.map((_, i) => elementAt(channelsFirst, (i % 2) * height * width + (i >> 1)));
        const common = { count: 1, height, width, channels: 2 };
        const out = downscale({ ...common, data: channelsFirst, layout: 'NCHW' }, size);
        expect(downscale({ ...common, data: channelsLast }, size)).toEqual(out);
        const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
        expect(mean(out.subarray(0, size * size))).toBeCloseTo(mean(channelsFirst.subarray(0, height * width)), 3);
        expect(mean(out.subarray(size * size))).toBeCloseTo(mean(channelsFirst.subarray(height * width)), 3);
      }),
    );
  });

  it('refuses data of another size', () => {
    expect(() => downscale({ data: new Uint8Array(10), count: 1, height: 2, width: 2 }, 1)).toThrow(
      'downscale: 1 images of 2 x 2 x 3 have 12 values, got 10',
    );
  });
});

describe('pixelBaseline', () => {
  // Concepts 0, 1, 2 are dark, middle and light; no text has concept 9, and no training image has concept 3.
  const train = gray([[0], [10], [100], [200], [250]]);
  const trainConcepts = [0, 0, 1, 2, 9];

  it('ranks concepts by their nearest training image', () => {
    const baseline = pixelBaseline({
      trainImages: train,
      trainConcepts,
      images: gray([[12], [104], [160], [249]]),
      imageConcepts: [0, 1, 1, 2],
      textConcepts: [0, 1, 2],
      size: 1,
    });
    // The third image, 160, is nearer to 200 than to 100.
    expect(baseline.imageToText).toEqual({ r1: 0.75, r5: 1, r10: 1, medianRank: 1, queries: 4, candidates: 3 });
    // Nearest to 0 or 10: 12. Nearest to 100: 104. Nearest to 200: 160 before 249.
    expect(baseline.textToImage.r1).toBeCloseTo(2 / 3, 12);
    expect(baseline.known).toBe(1);
  });

  it('never finds a concept without a training image', () => {
    const baseline = pixelBaseline({
      trainImages: train,
      trainConcepts,
      images: gray([[12], [50]]),
      imageConcepts: [0, 3],
      textConcepts: [0, 3],
      size: 1,
    });
    expect(baseline.imageToText).toMatchObject({ r1: 0.5, r10: 0.5, medianRank: null });
    expect(baseline.textToImage.r10).toBe(0.5);
    expect(baseline.known).toBe(0.5);
  });

  it('equals the direct computation of all distances', () => {
    const dims = 4;
    const images = fc.array(fc.array(fc.nat(255), { minLength: dims, maxLength: dims }), {
      minLength: 3,
      maxLength: 9,
    });
    fc.assert(
      fc.property(images, images, (trainValues, values) => {
        const conceptOf = (_: unknown, i: number) => i % 3;
        const imageConcepts = values.map(conceptOf);
        const baseline = pixelBaseline({
          trainImages: gray(trainValues),
          trainConcepts: trainValues.map(conceptOf),
          images: gray(values),
          imageConcepts,
          textConcepts: [0, 1, 2],
          size: 2,
        });
        const hits = values.filter((value, i) => {
          const nearest = [0, 1, 2].map((concept) =>
            Math.min(
              ...trainValues
                .filter((_, t) => t % 3 === concept)
                .map((other) => other.reduce((sum, x, d) => sum + (x - elementAt(value, d)) ** 2, 0)),
            ),
          );
          const right = elementAt(nearest, i % 3);
          return nearest.every((distance, concept) => concept === i % 3 || distance > right);
        });
        expect(baseline.imageToText.r1).toBe(hits.length / values.length);
      }),
    );
  });

  it('refuses concepts and images of different numbers', () => {
    const input = { trainImages: train, images: train, imageConcepts: trainConcepts, textConcepts: trainConcepts };
    expect(() => pixelBaseline({ ...input, trainConcepts: [1] })).toThrow('5 training images, but 1 concepts');
  });
});
