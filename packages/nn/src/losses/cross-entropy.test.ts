/** Cross-entropy against its definition. */
import { grad, gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { logSigmoid } from '../layers/smooth-activations.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { CrossEntropyLoss, crossEntropy } from './cross-entropy.ts';
import { nllLoss } from './nll.ts';

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

  test('examples with the label ignoreIndex do not count', async () => {
    const logits = tensor(
      [
        [0, 1],
        [0, 1],
      ],
      { requiresGrad: true },
    );
    // Of -log softmax([0, 1])[0] and an ignored example, the mean is the first.
    const loss = crossEntropy(logits, classes(0, -100));
    expect(await loss.item()).toBeCloseTo(1.3132617, 6);
    const [gradient] = grad(loss, [logits]);
    const slope = Math.E / (1 + Math.E);
    for (const [k, expected] of [-slope, slope, 0, 0].entries())
      expect((await gradient?.data())?.[k]).toBeCloseTo(expected, 6);
    // A class may be ignored too: here both examples are of class 1, and none is left.
    expect(await crossEntropy(logits, classes(0, 1), { ignoreIndex: 1 }).item()).toBeCloseTo(1.3132617, 6);
    expect(await crossEntropy(logits, classes(1, 1), { ignoreIndex: 1 }).item()).toBeNaN();
    expect(await crossEntropy(logits, classes(1, 1), { ignoreIndex: 1, reduction: 'sum' }).item()).toBe(0);
    // Masks of bytes: 255 marks what does not count.
    const mask = tensor(Uint8Array.of(0, 255));
    expect(await crossEntropy(logits, mask, { ignoreIndex: 255 }).item()).toBeCloseTo(1.3132617, 6);
  });

  test('labels that do not name a class are refused', async () => {
    const logits = zeros([2, 2]);
    const read = async (loss: () => Tensor): Promise<number> => loss().item();
    for (const wrong of [7, 2, -1, 255])
      await expect(read(() => crossEntropy(logits, classes(1, wrong)))).rejects.toThrow(`${wrong} at position`);
    await expect(read(() => crossEntropy(logits, classes(1, -100), { ignoreIndex: null }))).rejects.toThrow(
      '-100 at position',
    );
    await expect(read(() => nllLoss(logits, classes(1, 2)))).rejects.toThrow('nllLoss');
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
    expect(() => crossEntropy(zeros([1, 3]), classes(1), { weight: zeros([2]) })).toThrow(
      'crossEntropy: the weight of the classes has shape [2], [3] is expected',
    );
    expect(() => crossEntropy(zeros([2, 3, 4]), classes(1, 2))).toThrow('[2, 4] expected');
    expect(() => crossEntropy(zeros([2, 3]), zeros([2, 3]), { ignoreIndex: 1 })).toThrow('ignoreIndex 1 needs labels');
    expect(() => crossEntropy(zeros([2, 3], { dtype: 'i32' }), classes(1, 2))).toThrow(
      'crossEntropy: the logits must be floating point, got i32 [2, 3]; cast it',
    );
  });

  test('the weights of a module are state: they are cast and saved with it', () => {
    const loss = new CrossEntropyLoss({ weight: tensor([1, 2, 3]), ignoreIndex: 0 }).to('f64');
    expect([...loss.stateDict().keys()]).toEqual(['weight']);
    expect(loss.weight?.dtype).toBe('f64');
  });
});
