/** Layer normalization: its statistics and derivatives. */
import { gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { LayerNorm, layerNorm } from './layer-norm.ts';

test.each(testedBackends)('layerNorm over several axes makes mean 0 and variance 1, on %s', async (backend) => {
  useBackend(backend);
  const output = layerNorm(numbered([3, 4, 5]), [4, 5], null, null, 0);
  for (const row of (await output.flatten(1).toArray()) as number[][]) {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    expect(mean).toBeCloseTo(0, 6);
    expect(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length).toBeCloseTo(1, 5);
  }
});

test.each(testedBackends)('equal values are normalized to exactly 0, on %s', async (backend) => {
  useBackend(backend);
  const rows = tensor([0.1, 1e10, -3.3, 1e-8].map((value) => new Array<number>(4096).fill(value)));
  expect((await layerNorm(rows, [4096]).data()).every((x) => x === 0)).toBe(true);
});

describe('layerNorm', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives', async () => {
    const f64 = (shape: number[], salt: number): Tensor => numbered(shape, salt).cast('f64').mul(0.3);
    await gradcheck((x, w, b) => layerNorm(x, [5], w, b), [f64([3, 5], 1), f64([5], 2), f64([5], 3)]);
  });

  test('refuses inputs of another shape', () => {
    expect(() => layerNorm(zeros([2, 3]), [4])).toThrow(
      'layerNorm: input [2, 3] does not end in the normalized shape [4]',
    );
    expect(() => layerNorm(zeros([2, 3]), [])).toThrow('does not end in the normalized shape []');
  });

  test('refuses weights that would have to be broadcast', () => {
    expect(() => layerNorm(zeros([2, 3]), [3], zeros([1]))).toThrow(
      'layerNorm: the weight has shape [1], [3] is expected',
    );
    expect(() => layerNorm(zeros([2, 3]), [3], null, zeros([2, 3]))).toThrow(
      'layerNorm: the bias has shape [2, 3], [3] is expected',
    );
  });

  test('the layer may do without a bias', () => {
    expect([...new LayerNorm(3, { bias: false }).stateDict().keys()]).toEqual(['weight']);
    expect([...new LayerNorm(3, { elementwiseAffine: false }).stateDict().keys()]).toEqual([]);
  });
});
