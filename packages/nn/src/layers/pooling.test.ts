/** Pooling: windows that overlap, padding, and borders. */
import { grad } from '@tessera/autograd';
import { ones, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { avgPool2d } from './avg-pool.ts';
import { type MaxPoolOptions, maxPool2d } from './max-pool.ts';

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

  test('padding of more than half a window is refused', () => {
    expect(() => maxPool2d(image(), 2, { padding: 2 })).toThrow(
      'maxPool2d: padding 2 x 2 is more than half of the window 2 x 2',
    );
  });
});
