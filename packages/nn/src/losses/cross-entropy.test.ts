/** Cross-entropy against its definition. */
import { gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { logSigmoid } from '../layers/smooth-activations.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { crossEntropy } from './cross-entropy.ts';

const logSumExp = (values: readonly number[]): number => {
  const largest = Math.max(...values);
  return largest + Math.log(values.reduce((sum, x) => sum + Math.exp(x - largest), 0));
};

const classes = (...values: number[]): Tensor => tensor(Int32Array.from(values));

describe.each(testedBackends)('losses on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('crossEntropy of large logits does not overflow', async () => {
    expect(
      await crossEntropy(
        tensor([
          [1000, 0],
          [0, -1000],
        ]),
        classes(0, 1),
      ).item(),
    ).toBe(500);
  });

  test('crossEntropy reduces by the option', async () => {
    const [logits, target] = [numbered([3, 4]), classes(2, 0, 3)];
    const each = await crossEntropy(logits, target, { reduction: 'none' }).data();
    const rows = (await logits.toArray()) as number[][];
    const targets = [2, 0, 3];
    for (const [k, row] of rows.entries())
      expect(each[k]).toBeCloseTo(logSumExp(row) - (row[targets[k] ?? 0] ?? Number.NaN), 5);
    const sum = [...each].reduce((total, x) => total + x, 0);
    expect(await crossEntropy(logits, target, { reduction: 'sum' }).item()).toBeCloseTo(sum, 5);
    expect(await crossEntropy(logits, target).item()).toBeCloseTo(sum / 3, 5);
  });

  test('label smoothing 1 has the even distribution as target', async () => {
    const logits = numbered([2, 5]);
    const rows = (await logits.toArray()) as number[][];
    const expected = rows.map((row) => logSumExp(row) - row.reduce((sum, x) => sum + x, 0) / 5);
    const loss = await crossEntropy(logits, classes(0, 4), { labelSmoothing: 1 }).item();
    expect(loss).toBeCloseTo(expected.reduce((sum, x) => sum + x) / 2, 5);
  });

  test('logSigmoid keeps its precision at both ends', async () => {
    const values = await logSigmoid(tensor([-200, -1, 0, 1, 20])).data();
    for (const [k, expected] of [-200, -1.3132617, -Math.LN2, -0.31326169, -2.0611537e-9].entries())
      expect(values[k]).toBeCloseTo(expected, 6);
  });
});

describe('losses', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives', async () => {
    const logits = numbered([4, 3], 3).cast('f64').mul(0.3);
    await gradcheck((x) => crossEntropy(x, classes(2, 0, 1, 1), { labelSmoothing: 0.1 }), [logits]);
  });

  test('what does not fit is refused', () => {
    expect(() => crossEntropy(zeros([2, 3]), classes(1))).toThrow('logits [2, 3] and target [1]');
    expect(() => crossEntropy(zeros([2, 3]), zeros([2]))).toThrow('must be i32 class indices, got f32');
    expect(() => crossEntropy(zeros([1, 3]), classes(1), { labelSmoothing: 2 })).toThrow('must be in [0, 1]');
  });
});
