/** Binary cross-entropies against their definition, and at the ends of their range. */
import { grad, gradcheck } from '@tessera/autograd';
import { tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import {
  BCEWithLogitsLoss,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  multilabelSoftMarginLoss,
} from './binary-cross-entropy.ts';

const softplus = (x: number): number => Math.log(1 + Math.exp(x));

describe.each(testedBackends)('binary cross-entropies on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const logits = () => tensor(Float32Array.of(0.3, -1.2, 2, 0.7, -0.4, 1.1), { shape: [2, 3] });
  const targets = () => tensor(Float32Array.of(1, 0, 0, 1, 1, 0), { shape: [2, 3] });
  const weighted = [
    2 * softplus(-0.3),
    softplus(-1.2),
    softplus(2),
    2 * softplus(-0.7),
    3 * softplus(0.4),
    softplus(1.1),
  ];

  test('of logits, with factors on the positives', async () => {
    const posWeight = tensor(Float32Array.of(2, 3, 4));
    const each = await binaryCrossEntropyWithLogits(logits(), targets(), { posWeight, reduction: 'none' }).data();
    for (const [k, expected] of weighted.entries()) expect(each[k]).toBeCloseTo(expected, 6);
    const mean = weighted.reduce((sum, x) => sum + x) / 6;
    expect(await binaryCrossEntropyWithLogits(logits(), targets(), { posWeight }).item()).toBeCloseTo(mean, 6);
    expect(await new BCEWithLogitsLoss({ posWeight }).forward(logits(), targets()).item()).toBeCloseTo(mean, 6);
  });

  test('of probabilities are those of logits', async () => {
    const expected = await binaryCrossEntropyWithLogits(logits(), targets(), { reduction: 'none' }).data();
    const found = await binaryCrossEntropy(logits().sigmoid(), targets(), { reduction: 'none' }).data();
    for (const [k, x] of found.entries()) expect(x).toBeCloseTo(expected[k] ?? Number.NaN, 5);
    const rows = await multilabelSoftMarginLoss(logits(), targets(), { reduction: 'none' }).data();
    expect(rows[1]).toBeCloseTo([...expected].slice(3).reduce((sum, x) => sum + x) / 3, 5);
  });

  test('of small probabilities keep their precision', async () => {
    expect(await binaryCrossEntropy(tensor([1e-9]), tensor([0])).item()).toBeCloseTo(1e-9, 15);
  });

  test('do not overflow', async () => {
    const far = tensor([[1000, -1000]]);
    expect(await binaryCrossEntropyWithLogits(far, tensor([[0, 1]])).item()).toBe(1000);
  });

  test('of a wrong certainty are 100, with the gradient that PyTorch has', async () => {
    const sure = tensor([0, 1, 1], { requiresGrad: true });
    const loss = binaryCrossEntropy(sure, tensor([1, 0, 1]), { reduction: 'sum' });
    expect(await loss.item()).toBe(200);
    const [gradient] = grad(loss, [sure]);
    const values = [...((await gradient?.data()) ?? [])].map((x) => x * 1e-12);
    for (const [k, x] of [-1, 1, 0].entries()) expect(values[k]).toBeCloseTo(x, 6);
  });
});

describe('binary cross-entropies', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives of input and target', async () => {
    const logits = tensor(Float64Array.of(0.3, -1.2, 2, 0.7), { shape: [2, 2] });
    const targets = tensor(Float64Array.of(0.9, 0.2, 0.3, 0.5), { shape: [2, 2] });
    const posWeight = tensor(Float64Array.of(2, 3));
    await gradcheck((x, y) => binaryCrossEntropyWithLogits(x, y, { posWeight }), [logits, targets]);
    await gradcheck((x, y) => binaryCrossEntropy(x, y), [logits.sigmoid(), targets]);
  });

  test('what does not fit is refused', () => {
    expect(() => binaryCrossEntropy(zeros([2, 1]), zeros([2]))).toThrow(
      'binaryCrossEntropy: input [2, 1] and target [2] must have one shape',
    );
    expect(() => binaryCrossEntropyWithLogits(zeros([2]), zeros([2], { dtype: 'i32' }))).toThrow(
      'binaryCrossEntropyWithLogits: the target must be floating point, got i32 [2]; cast it',
    );
  });
});
