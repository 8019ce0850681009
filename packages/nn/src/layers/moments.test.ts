/** Normalization of values whose statistics are hard: equal ones, large ones with small differences, very many. */
import { grad } from '@tessera/autograd';
import { full, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance } from '../testing/numbers.ts';
import { batchNorm } from './batch-norm.ts';
import { groupNorm } from './group-norm.ts';
import { instanceNorm } from './instance-norm.ts';
import { layerNorm } from './layer-norm.ts';

/** Each normalizes the last axis of [2, 1, n] for itself, except batch normalization, which joins both rows. */
const normalizations: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  layerNorm: (x) => layerNorm(x, x.shape.slice(2)),
  groupNorm: (x) => groupNorm(x, 1),
  instanceNorm: (x) => instanceNorm(x),
  batchNorm: (x) => batchNorm(x, null, null, null, null, { training: true }),
};

describe.each(testedBackends)('statistics on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(Object.entries(normalizations))('%s of equal values is 0', async (_, normalize) => {
    for (const value of [0.1, 1e10, -3.3333, 1e-3])
      for (const n of [3, 100, 4096]) {
        const x = full([2, 1, n], value).contiguous();
        const output = normalize(x);
        const gradient = grad(output.sum(), x);
        expect([...new Set(await output.abs().data())]).toEqual([0]);
        expect((await gradient.data()).every(Number.isFinite)).toBe(true);
      }
  });

  test.each(Object.entries(normalizations))('%s of large values with small differences', async (_, normalize) => {
    const row = [4e6, 4e6 + 1, 4e6 + 2, 4e6 + 3];
    const output = await normalize(tensor([...row, ...row]).reshape(2, 1, 4)).data();
    const expected = [-1.5, -0.5, 0.5, 1.5].map((deviation) => deviation / Math.sqrt(1.25 + 1e-5));
    expect(distance(output, [...expected, ...expected])).toBeLessThan(1e-6);
  });
});
