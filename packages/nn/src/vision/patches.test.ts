/** Patches: their order, and the inverse. */
import { arange, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { Conv2d } from '../layers/index.ts';
import { linear } from '../layers/linear.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, distance, numbered, numbers } from '../testing/numbers.ts';
import { patchify, unpatchify } from './patches.ts';

/** (1, 3, 8, 8), numbered in order: pixel (c, y, x) is 64 c + 8 y + x. */
const counted = (): Tensor => arange(3 * 8 * 8, undefined, 1, { dtype: 'f32' }).reshape(1, 3, 8, 8);

/** Token 0 at three positions tells whether its numbers come from one patch: channels 0, 1 and 2 of the first pixel. */
async function firstToken(patches: Tensor): Promise<number[]> {
  const values = await patches.data();
  return [0, 16, 32].map((k) => at(values, k));
}

describe.each(testedBackends)('patchify on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('a token contains the pixels of one patch, channel by channel', async () => {
    const patches = patchify(counted(), 4);
    expect(patches.shape).toEqual([1, 4, 48]);
    expect(await firstToken(patches)).toEqual([0, 64, 128]);
  });

  test('a reshape alone mixes patches, and the check above finds it', async () => {
    // Unfolding makes [N, C, gh, gw, h, w]; without a permutation, the channels stay in front of the patches.
    const unfolded = counted().reshape(1, 3, 2, 4, 2, 4).permute(0, 1, 2, 4, 3, 5);
    const mistaken = unfolded.reshape(1, 4, 48);
    expect(mistaken.shape).toEqual(patchify(counted(), 4).shape);
    expect(await firstToken(mistaken)).not.toEqual([0, 64, 128]);
    expect(await firstToken(counted().reshape(1, 4, 48))).not.toEqual([0, 64, 128]);
  });

  test.each([
    [4, [2, 3, 8, 12]],
    [
      [2, 3],
      [1, 2, 6, 9],
    ],
    [1, [1, 2, 2, 3]],
  ] as const)('patches of %j: a linear map of them is a convolution', async (size, shape) => {
    const [h, w] = typeof size === 'number' ? [size, size] : size;
    const convolution = new Conv2d(shape[1], 5, [h, w], { stride: [h, w] });
    const images = numbered(shape, 1);
    const weight = convolution.weight.reshape(5, shape[1] * h * w);
    const tokens = linear(patchify(images, size), weight, convolution.bias);
    const expected = convolution.forward(images).flatten(2).transpose(1, 2);
    expect(tokens.shape).toEqual(expected.shape);
    expect(distance(await tokens.data(), await expected.data())).toBeLessThan(1e-5);
  });

  test('channels last: the order is row, column, channel', async () => {
    const values = await patchify(counted(), 4, { order: 'channels-last' }).data();
    expect([...values.slice(0, 5)]).toEqual([0, 64, 128, 1, 65]);
    // It is the transposition of the image as it is stored channels last: [gh, h, gw, w, C] to [gh, gw, h, w, C].
    const stored = counted().permute(0, 2, 3, 1).reshape(1, 2, 4, 2, 4, 3);
    expect(await stored.permute(0, 1, 3, 2, 4, 5).flatten().data()).toEqual(values);
    expect(await stored.flatten().data()).not.toEqual(values);
  });

  test.each(['channels-first', 'channels-last'] as const)('%s: unpatchify is the inverse', async (order) => {
    const shape = [2, 3, 6, 8];
    const patches = patchify(numbered(shape, 3), [3, 2], { order });
    expect(patches.shape).toEqual([2, 8, 18]);
    expect(await unpatchify(patches, [3, 2], [2, 4], { order }).data()).toEqual(numbers(shape, 3));
  });
});

test('what does not fit is refused', () => {
  useBackend('reference');
  expect(() => patchify(numbered([1, 3, 8, 9]), 4)).toThrow(
    'patchify: images [1, 3, 8, 9] do not divide into patches of 4 x 4',
  );
  expect(() => patchify(numbered([3, 8, 8]), 4)).toThrow('patchify: needs images [N, C, H, W]');
  expect(() => unpatchify(numbered([1, 4, 48]), 4, [3, 2])).toThrow('are not [N, 6, C * 4 * 4]');
});
