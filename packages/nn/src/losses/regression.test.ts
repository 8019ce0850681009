/** Weights of the losses of numbers. */
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { huberLoss, l1Loss, mseLoss } from './regression.ts';

describe.each(testedBackends)('weighted losses on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('the mean is over the weights, except for the Huber loss', async () => {
    const [x, y, weight] = [tensor([1, 2, 5]), tensor([1, 0, 2]), tensor([4, 1, 3])];
    expect(await mseLoss(x, y, { weight }).item()).toBeCloseTo((4 + 3 * 9) / 8, 5);
    expect(await l1Loss(x, y, { weight }).item()).toBeCloseTo((2 + 3 * 3) / 8, 5);
    expect(await huberLoss(x, y, { weight }).item()).toBeCloseTo((1.5 + 3 * 2.5) / 3, 5);
    expect(await mseLoss(x, y, { weight, reduction: 'sum' }).item()).toBe(31);
    expect(await l1Loss(x, y, { weight, reduction: 'none' }).slice(0, 1).toArray()).toEqual([2, 9]);
  });
});
