/** From pixels to normalized planes. */
import { registerReferenceBackends, setDefaultBackend, tensor, zeros } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { at } from '../testing/lists.ts';
import { clipNormalization, imageNetNormalization, pixelsOf, preprocess } from './preprocess.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

test.each([
  ['CLIP', clipNormalization],
  ['ImageNet', imageNetNormalization],
])('pixels become planes, normalized by the statistics of %s', async (_, normalization) => {
  const pixels = Uint8Array.of(0, 51, 255, 10, 20, 30);
  const planes = preprocess(tensor(pixels, { shape: [1, 1, 2, 3] }), normalization);
  expect(planes.shape).toEqual([1, 3, 1, 2]);
  const { mean, std } = normalization;
  const values = await planes.data();
  for (const channel of [0, 1, 2])
    for (const x of [0, 1]) {
      const expected = (at(pixels, 3 * x + channel) / 255 - at(mean, channel)) / at(std, channel);
      expect(values[2 * channel + x]).toBeCloseTo(expected, 5);
    }
});

test('the input of a tower has its pixels again', async () => {
  const pixels = Uint8Array.from({ length: 2 * 8 * 16 * 3 }, (_, i) => i % 256);
  const again = pixelsOf(preprocess(tensor(pixels, { shape: [2, 8, 16, 3] })));
  expect([again.dtype, again.shape]).toEqual(['u8', [2, 8, 16, 3]]);
  expect(Uint8Array.from(await again.data())).toEqual(pixels);
  const outside = pixelsOf(tensor(Float32Array.of(-9, 9, 0), { shape: [1, 3, 1, 1] }));
  expect([...(await outside.data())]).toEqual([0, 255, Math.round(255 * at(clipNormalization.mean, 2))]);
  expect(() => pixelsOf(zeros([1, 4, 2, 2]))).toThrow('pixelsOf: needs images [N, 3, H, W], got [1, 4, 2, 2]');
});

test('one channel takes one mean', () => {
  const gray = preprocess(zeros([2, 4, 4, 1], { dtype: 'u8' }), { mean: [0.5], std: [0.5] });
  expect(gray.shape).toEqual([2, 1, 4, 4]);
});

test('what does not fit is refused', () => {
  expect(() => preprocess(zeros([2, 4, 4, 3]))).toThrow(
    'preprocess: needs pixels u8 [N, H, W, 3], got f32 [2, 4, 4, 3]',
  );
  expect(() => preprocess(zeros([2, 4, 4, 4], { dtype: 'u8' }))).toThrow('got u8 [2, 4, 4, 4]');
});
