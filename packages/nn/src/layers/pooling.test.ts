/** Pooling: windows that overlap, padding, borders, and which of several largest values is chosen. */
import { grad } from '@tessera/autograd';
import { ones, type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import {
  AdaptiveAvgPool2d,
  adaptiveAvgPool2d,
  adaptiveMaxPool2d,
  adaptiveMaxPool2dWithIndices,
} from './adaptive-pool.ts';
import { AvgPool2d, avgPool2d } from './avg-pool.ts';
import { LPPool2d, lpPool2d } from './lp-pool.ts';
import { MaxPool2d, type MaxPoolOptions, maxPool1d, maxPool2d, maxPool2dWithIndices } from './max-pool.ts';
import { maxUnpool2d } from './max-unpool.ts';

describe.each(testedBackends)('pooling on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const image = () =>
    tensor([
      [
        [
          [1, 2, 3],
          [4, 5, 6],
          [7, 8, 9],
        ],
      ],
    ]);
  const negative = () => image().neg();

  test('a last row and column that do not fill a window are left out', async () => {
    expect(await avgPool2d(image(), 2).toArray()).toEqual([[[[3]]]]);
    expect(await maxPool2d(image(), 2).toArray()).toEqual([[[[5]]]]);
  });

  test('of equal values the first of a window gets the gradient', async () => {
    const gradientOf = async (x: Tensor, options: MaxPoolOptions): Promise<unknown> =>
      grad(maxPool2d(x, 2, options).sum(), x).toArray();
    expect(await gradientOf(ones([1, 1, 2, 2]).contiguous(), {})).toEqual([
      [
        [
          [1, 0],
          [0, 0],
        ],
      ],
    ]);
    // PyTorch 2.15: max_pool2d(ones(3, 3), 2, stride=1, padding=1).
    expect(await gradientOf(ones([1, 1, 3, 3]).contiguous(), { stride: 1, padding: 1 })).toEqual([
      [
        [
          [4, 2, 2],
          [2, 1, 1],
          [2, 1, 1],
        ],
      ],
    ]);
  });

  test('windows may overlap', async () => {
    expect(await avgPool2d(image(), 2, { stride: 1 }).toArray()).toEqual([
      [
        [
          [3, 4],
          [6, 7],
        ],
      ],
    ]);
    expect(await maxPool2d(image(), [1, 2], { stride: 1 }).toArray()).toEqual([
      [
        [
          [2, 3],
          [5, 6],
          [8, 9],
        ],
      ],
    ]);
  });

  test('padding counts as zeros in a mean, and never wins a maximum', async () => {
    expect(await avgPool2d(image(), 2, { padding: 1 }).toArray()).toEqual([
      [
        [
          [0.25, 1.25],
          [2.75, 7],
        ],
      ],
    ]);
    expect(await maxPool2d(negative(), 2, { padding: 1 }).toArray()).toEqual([
      [
        [
          [-1, -2],
          [-4, -5],
        ],
      ],
    ]);
  });

  test('with ceilMode a last window may be cut off, and its mean is that of what it has', async () => {
    expect(await avgPool2d(image(), 2, { ceilMode: true }).toArray()).toEqual([
      [
        [
          [3, 4.5],
          [7.5, 9],
        ],
      ],
    ]);
    expect(await maxPool2d(negative(), 2, { ceilMode: true }).toArray()).toEqual([
      [
        [
          [-1, -3],
          [-7, -9],
        ],
      ],
    ]);
    // A window that would start in the padding behind the image is left out.
    expect(maxPool2d(image(), 2, { padding: 1, stride: 3, ceilMode: true }).shape).toEqual([1, 1, 2, 2]);
    expect(maxPool2d(zeros([1, 1, 2, 2]), 3, { padding: 1, stride: 3, ceilMode: true }).shape).toEqual([1, 1, 1, 1]);
  });

  test('without the batch axis', async () => {
    const [x] = [numbered([2, 5, 4])];
    for (const pool of [maxPool2d, avgPool2d]) {
      const output = pool(x, 2, { stride: 1, padding: 1 });
      expect(output.shape).toEqual([2, 6, 5]);
      expect(await output.data()).toEqual(await pool(x.unsqueeze(0), 2, { stride: 1, padding: 1 }).data());
    }
  });

  test('the gradient of equal values goes to the first of them', async () => {
    const equal = tensor([1, 1, 1, 1, 1, 1, 1, 1, 1], { shape: [1, 1, 3, 3] });
    const toFirst = async (pooled: Tensor): Promise<number[]> => [...(await grad(pooled.sum(), equal).data())];
    expect(await toFirst(maxPool2d(equal, 2))).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(await toFirst(maxPool2d(equal, 2, { stride: 1 }))).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0]);
    expect(await toFirst(maxPool2d(equal, 3, { padding: 1, stride: 2 }))).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0]);
    expect(await toFirst(adaptiveMaxPool2d(equal, 1))).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(await toFirst(adaptiveMaxPool2d(equal, 2))).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0]);
  });

  test('the positions of the maxima: the first of equal values, the last NaN', async () => {
    const x = tensor([5, 5, 1, 2, Number.NaN, 7, Number.NaN, 3, 7], { shape: [1, 1, 3, 3], requiresGrad: true });
    const { output, indices } = maxPool2dWithIndices(x, 2, { stride: 1 });
    expect(await output.toArray()).toEqual([
      [
        [
          [Number.NaN, Number.NaN],
          [Number.NaN, Number.NaN],
        ],
      ],
    ]);
    expect([...(await indices.data())]).toEqual([4, 4, 6, 4]);
    expect([...(await grad(output.sum(), x).data())]).toEqual([0, 0, 0, 0, 3, 0, 1, 0, 0]);
    const { indices: adaptive } = adaptiveMaxPool2dWithIndices(x, 2);
    expect([...(await adaptive.data())]).toEqual([4, 4, 6, 4]);
  });

  test('positions are never in the padding, even where everything is -Infinity', async () => {
    const x = tensor([1, 2, 3, 4].map(() => Number.NEGATIVE_INFINITY)).reshape(1, 1, 2, 2);
    const { indices } = maxPool2dWithIndices(x, 2, { padding: 1 });
    expect([...(await indices.data())]).toEqual([0, 1, 2, 3]);
  });

  test('adaptive pooling: windows of different sizes that overlap', async () => {
    const row = tensor([1, 2, 3, 4, 5]).reshape(1, 1, 1, 5);
    expect([...(await adaptiveAvgPool2d(row, [1, 3]).data())]).toEqual([1.5, 3, 4.5]);
    expect([...(await adaptiveMaxPool2d(row, [null, 3]).data())]).toEqual([2, 4, 5]);
    expect([...(await adaptiveAvgPool2d(row, [2, 2]).data())]).toEqual([2, 4, 2, 4]);
    expect(adaptiveAvgPool2d(numbered([2, 3, 4]), null).shape).toEqual([2, 3, 4]);
    const x = numbered([2, 3, 5, 7]);
    expect(distance(await adaptiveAvgPool2d(x, 1).data(), await x.mean([2, 3]).data())).toBeLessThan(1e-6);
  });
});

describe('pooling refuses', () => {
  beforeAll(() => useBackend('reference'));
  const image = (): Tensor => zeros([1, 1, 3, 3]);

  test('padding of more than half a window', () => {
    expect(() => maxPool2d(image(), 2, { padding: 2 })).toThrow(
      'maxPool2d: padding 2 x 2 is more than half of the window 2 x 2',
    );
    expect(maxPool2d(image(), 2, { padding: 1, dilation: 2, stride: 1 }).shape).toEqual([1, 1, 3, 3]);
  });

  test('refuses windows, strides and dilations that cannot be sizes', () => {
    expect(() => maxPool2d(image(), 0)).toThrow(
      "maxPool2d: the window's size must be a whole number or 2 of them, of at least 1, got 0",
    );
    expect(() => avgPool2d(image(), [2, 1.5])).toThrow("avgPool2d: the window's size");
    expect(() => maxPool2d(image(), 2, { stride: 0 })).toThrow('maxPool2d: the stride must be');
    expect(() => maxPool2d(image(), 2, { dilation: -1 })).toThrow('maxPool2d: the dilation must be');
    expect(() => avgPool2d(image(), 2, { padding: -1 })).toThrow('avgPool2d: the padding must be');
    expect(() => avgPool2d(image(), 2, { divisorOverride: 0 })).toThrow('avgPool2d: divisorOverride must not be 0');
    expect(() => lpPool2d(image(), 0, 2)).toThrow('lpPool2d: the exponent must be a number other than 0, got 0');
  });

  test('layers that fit no input, when they are made', () => {
    expect(() => new MaxPool2d(0)).toThrow('MaxPool2d: kernelSize must be whole numbers of at least 1, got 0');
    expect(() => new AvgPool2d([2, 1.5])).toThrow(
      'AvgPool2d: kernelSize must be whole numbers of at least 1, got [2, 1.5]',
    );
    expect(() => new MaxPool2d(2, { stride: 0 })).toThrow('MaxPool2d: stride must be');
    expect(() => new MaxPool2d(2, { padding: -1 })).toThrow('MaxPool2d: padding must be whole numbers of at least 0');
    expect(() => new LPPool2d(Number.NaN, 2)).toThrow('LPPool2d: the exponent');
    expect(() => new AdaptiveAvgPool2d([0, null])).toThrow('AdaptiveAvgPool2d: outputSize must be');
    expect(new AdaptiveAvgPool2d([null, 2]).outputSize).toEqual([null, 2]);
  });

  test('unpooling of what max pooling did not make', () => {
    const pooled = zeros([1, 1, 2, 2]);
    const indices = zeros([1, 1, 2, 2], { dtype: 'i32' });
    expect(maxUnpool2d(pooled, indices, 2).shape).toEqual([1, 1, 4, 4]);
    expect(maxUnpool2d(pooled, indices, 2, { outputSize: [5, 3] }).shape).toEqual([1, 1, 5, 3]);
    expect(() => maxUnpool2d(pooled, indices, 2, { outputSize: [6, 4] })).toThrow(
      'maxUnpool2d: an input of size [2, 2] cannot have an output of size [6, 4]',
    );
    expect(() => maxUnpool2d(pooled, pooled, 2)).toThrow('maxUnpool2d: indices must be integers');
    expect(() => maxUnpool2d(pooled, indices.flatten(2), 2)).toThrow('must have one shape');
  });

  test('inputs that do not fit', () => {
    expect(() => maxPool2d(zeros([3, 3]), 2)).toThrow(
      'maxPool2d: needs images [N, C, H, W] or [C, H, W], got a tensor of shape [3, 3]',
    );
    expect(() => maxPool1d(zeros([3]), 2)).toThrow('maxPool1d: needs sequences [N, C, L] or [C, L]');
    expect(() => avgPool2d(image(), 4)).toThrow(
      'avgPool2d: input [1, 1, 3, 3] with padding 0 has 3 rows; one window spans 4',
    );
    expect(() => maxPool2d(zeros([0, 0, 3, 3]), 2)).toThrow('maxPool2d: only the batch may be empty');
    expect(() => adaptiveAvgPool2d(image(), 0)).toThrow("adaptiveAvgPool2d: the output's size must be a whole number");
    expect(maxPool2d(zeros([0, 2, 4, 4]), 2).shape).toEqual([0, 2, 2, 2]);
  });
});
