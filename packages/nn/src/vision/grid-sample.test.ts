/** Sampling at the points of a grid: identity, moves, borders, and what is refused. The numbers are held against PyTorch by the check cases. */
import { tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import { affineGrid, type GridSampleMode, gridSample } from './grid-sample.ts';

describe.each(testedBackends)('gridSample on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(['bilinear', 'nearest', 'bicubic'] as const)(
    '%s at the grid of the identity returns the image',
    async (mode) => {
      const x = numbered([2, 3, 4, 5], 1);
      const identity = tensor([1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0]).reshape(2, 2, 3);
      for (const alignCorners of [false, true]) {
        const grid = affineGrid(identity, [2, 3, 4, 5], { alignCorners });
        const output = gridSample(x, grid, { mode, alignCorners });
        expect(output.shape).toEqual([2, 3, 4, 5]);
        expect(distance(await output.data(), await x.data())).toBeLessThan(1e-5);
      }
    },
  );

  test('outside of the image there are zeros, its border, or its mirror image', async () => {
    const x = tensor([1, 2, 3, 4]).reshape(1, 1, 1, 4);
    // The centers of the pixels at -3 to 6, on an axis where the image has 0 to 3.
    const across = Array.from({ length: 10 }, (_, k) => ((k - 3) * 2 + 1) / 4 - 1);
    const grid = tensor(across.flatMap((position) => [position, 0])).reshape(1, 1, 10, 2);
    const sampled = async (paddingMode: 'zeros' | 'border' | 'reflection'): Promise<number[]> => [
      ...(await gridSample(x, grid, { paddingMode }).data()),
    ];
    expect(distance(await sampled('zeros'), [0, 0, 0, 1, 2, 3, 4, 0, 0, 0])).toBeLessThan(1e-6);
    expect(distance(await sampled('border'), [1, 1, 1, 1, 2, 3, 4, 4, 4, 4])).toBeLessThan(1e-6);
    expect(distance(await sampled('reflection'), [3, 2, 1, 1, 2, 3, 4, 4, 3, 2])).toBeLessThan(1e-6);
  });

  test('an infinite pixel reaches only the samples next to it, and a position that is not a number its own', async () => {
    const x = tensor([1, Number.POSITIVE_INFINITY, 3, 4]).reshape(1, 1, 1, 4);
    const grid = tensor([0.5, 0, 10, 0, Number.NaN, 0]).reshape(1, 1, 3, 2);
    expect([...(await gridSample(x, grid).data())]).toEqual([3.5, 0, Number.NaN]);
  });
});

test('what does not fit is refused', () => {
  useBackend('reference');
  const [x, grid] = [zeros([2, 3, 4, 5]), zeros([2, 6, 7, 2])];
  expect(() => gridSample(zeros([3, 4, 5]), grid)).toThrow(
    'gridSample: needs an input [N, C, H, W] or [N, C, D, H, W]',
  );
  expect(() => gridSample(x, zeros([1, 6, 7, 2]))).toThrow(
    "gridSample: needs a grid [N, H, W, 2] with the input's N, got input [2, 3, 4, 5] and grid [1, 6, 7, 2]",
  );
  expect(() => gridSample(x, zeros([2, 6, 7, 3]))).toThrow('gridSample: needs a grid [N, H, W, 2]');
  expect(() => gridSample(x, grid.cast('f64'))).toThrow('got f32 and f64');
  expect(() => gridSample(x, grid, { mode: 'linear' as GridSampleMode })).toThrow("got 'linear' and 'zeros'");
  expect(() => affineGrid(zeros([2, 2, 2]), [2, 3, 4, 5])).toThrow('needs theta [2, 2, 3], got [2, 2, 2]');
  expect(() => affineGrid(zeros([2, 2, 3]), [2, 3, 4])).toThrow('affineGrid: needs a size [N, C, H, W]');
});
