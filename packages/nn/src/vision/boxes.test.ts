/** Boxes and their overlap, computed by hand. */
import { gradcheck } from '@tessera/autograd';
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance } from '../testing/numbers.ts';
import { boxCorners, generalizedIoU } from './boxes.ts';

describe.each(testedBackends)('boxes on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('center and size become corners', async () => {
    expect(await boxCorners(tensor([[4, 3, 2, 6]])).toArray()).toEqual([[3, 0, 5, 6]]);
  });

  test('generalized IoU of boxes computed by hand', async () => {
    const a = tensor([
      [0, 0, 2, 2],
      [0, 0, 2, 2],
      [0, 0, 1, 1],
      [0, 0, 4, 4],
    ]);
    const b = tensor([
      [0, 0, 2, 2], // equal
      [1, 1, 3, 3], // 1 of 7 in common, hull 9
      [3, 0, 4, 1], // apart: union 2, hull 4
      [1, 1, 3, 3], // inside: 4 of 16, hull 16
    ]);
    expect(distance(await generalizedIoU(a, b).data(), [1, 1 / 7 - 2 / 9, -0.5, 0.25])).toBeLessThan(1e-6);
  });
});

test('derivative, and boxes that are none', async () => {
  useBackend('reference');
  const a = tensor([[0, 0, 2, 2.5]], { dtype: 'f64' });
  const b = tensor([[1, 0.7, 3, 3]], { dtype: 'f64' });
  await gradcheck(generalizedIoU, [a, b]);
  expect(() => boxCorners(tensor([1, 2, 3]))).toThrow('boxCorners: boxes must be [..., 4], got [3]');
});
