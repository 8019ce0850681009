/** Norms, distances and normalized vectors, at zero and along any axis. */
import { grad, gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { cosineSimilarity, l2Normalize, normalize, pairwiseDistance, pNorm } from './distances.ts';

const gradientOf = async (f: (x: Tensor) => Tensor, x: Tensor): Promise<number[]> => {
  const [gradient] = grad(f(x).sum(), [x]);
  return [...((await gradient?.data()) ?? [])];
};

describe.each(testedBackends)('distances on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('the gradient of a normalized vector of zeros is that of x / eps, and other rows do not notice', async () => {
    const rows = tensor(
      [
        [0, 0],
        [3, 4],
      ],
      { requiresGrad: true },
    );
    expect(await l2Normalize(rows).toArray()).toEqual([
      [0, 0],
      [expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)],
    ]);
    const gradient = await gradientOf((x) => l2Normalize(x).mul(tensor([1, 2])), rows);
    expect((gradient[0] ?? 0) * 1e-12).toBeCloseTo(1, 5);
    expect((gradient[1] ?? 0) * 1e-12).toBeCloseTo(2, 5);
    // (g - y <g, y>) / |x|, with y = [0.6, 0.8] and g = [1, 2]
    expect(gradient[2]).toBeCloseTo((1 - 0.6 * 2.2) / 5, 5);
    expect(gradient[3]).toBeCloseTo((2 - 0.8 * 2.2) / 5, 5);
    for (const options of [{ p: 1 }, { p: 3 }, { p: Infinity }, { p: 0.5 }, { eps: 1e-30 }, { eps: 1 }])
      expect((await gradientOf((x) => normalize(x, options), rows)).every(Number.isFinite)).toBe(true);
  });

  test('normalize has axis 1 by default, and any other', async () => {
    const x = numbered([2, 3, 2]);
    for (const [axis, moved] of [
      [1, 1],
      [-1, 2],
      [0, 0],
    ] as const) {
      const norms = await normalize(x, { axis }).square().sum(moved).sqrt().data();
      for (const norm of norms) expect(norm).toBeCloseTo(1, 5);
    }
    expect(await normalize(x).data()).toEqual(await normalize(x, { axis: 1 }).data());
    expect(await normalize(tensor(-3), { axis: 0 }).item()).toBe(-1);
  });

  test('norms of every order', async () => {
    const x = tensor([[3, -4, 0]]);
    const expected = [
      [2, 5],
      [1, 7],
      [0, 2],
      [3, 91 ** (1 / 3)],
      [0.5, (3 ** 0.5 + 2) ** 2],
      [-1, 0],
      [Infinity, 4],
      [-Infinity, 0],
    ] as const;
    for (const [p, norm] of expected) expect(await pNorm(x, p, 1).item()).toBeCloseTo(norm, 4);
    expect(await pNorm(tensor([[2, -4]]), -1, 1).item()).toBeCloseTo(4 / 3, 5);
  });

  test('the gradients of equal vectors are finite', async () => {
    const x = tensor([[1, 2]], { requiresGrad: true });
    expect((await gradientOf((a) => pairwiseDistance(a, tensor([[1, 2]])), x)).every(Number.isFinite)).toBe(true);
    const zero = tensor([[0, 0]], { requiresGrad: true });
    expect((await gradientOf((a) => cosineSimilarity(a, tensor([[1, 2]])), zero)).every(Number.isFinite)).toBe(true);
  });
});

describe('distances', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives of norms with zeros among the numbers', async () => {
    const x = tensor(Float64Array.of(3, -4, 1, 2, 5, -1), { shape: [2, 3] });
    for (const p of [1, 2, 3, 1.5, 0.5, -1, Infinity]) await gradcheck((a) => pNorm(a, p, 1), [x]);
  });

  test('what does not fit is refused', () => {
    expect(() => normalize(zeros([2, 2]), { eps: -1 })).toThrow(
      'normalize: eps must be a number of at least 0, got -1',
    );
    expect(() => normalize(zeros([2, 2]), { axis: 2 })).toThrow('normalize: axis 2 is out of range');
    expect(() => normalize(zeros([2, 2], { dtype: 'i32' }))).toThrow('normalize: the input must be floating point');
    expect(() => normalize(zeros([2, 2]), { p: Number.NaN })).toThrow('norm: the order p must be a number, got NaN');
    expect(() => cosineSimilarity(zeros([2, 3]), zeros([2, 4]))).toThrow('cosineSimilarity: shapes [2, 3] and [2, 4]');
  });
});
