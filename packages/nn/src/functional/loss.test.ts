import { gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { contrastiveLoss, l2Normalize, type PairedFeatures, sigLipLoss } from './contrastive.ts';
import { crossEntropy, logSigmoid } from './loss.ts';

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

  test('crossEntropy reduces as asked', async () => {
    const [logits, target] = [numbered([3, 4]), classes(2, 0, 3)];
    const each = await crossEntropy(logits, target, { reduction: 'none' }).data();
    const rows = (await logits.toArray()) as number[][];
    rows.forEach((row, k) => {
      expect(each[k]).toBeCloseTo(logSumExp(row) - (row[[2, 0, 3][k] as number] as number), 5);
    });
    const sum = [...each].reduce((total, x) => total + x, 0);
    expect(await crossEntropy(logits, target, { reduction: 'sum' }).item()).toBeCloseTo(sum, 5);
    expect(await crossEntropy(logits, target).item()).toBeCloseTo(sum / 3, 5);
  });

  test('label smoothing 1 asks for even odds', async () => {
    const logits = numbered([2, 5]);
    const rows = (await logits.toArray()) as number[][];
    const expected = rows.map((row) => logSumExp(row) - row.reduce((sum, x) => sum + x, 0) / 5);
    const loss = await crossEntropy(logits, classes(0, 4), { labelSmoothing: 1 }).item();
    expect(loss).toBeCloseTo(((expected[0] as number) + (expected[1] as number)) / 2, 5);
  });

  test('logSigmoid keeps its precision at both ends', async () => {
    const values = await logSigmoid(tensor([-200, -1, 0, 1, 20])).data();
    [-200, -1.3132617, -Math.LN2, -0.31326169, -2.0611537e-9].forEach((expected, k) => {
      expect(values[k]).toBeCloseTo(expected, 6);
    });
  });

  const pairs = (): PairedFeatures & { logitBias: Tensor } => ({
    imageFeatures: l2Normalize(numbered([4, 6], 1)),
    textFeatures: l2Normalize(numbered([4, 6], 2)),
    logitScale: tensor(5),
    logitBias: tensor(-1),
  });
  const logitsOf = async ({ imageFeatures, textFeatures }: PairedFeatures): Promise<number[][]> => {
    const [images, texts] = [await imageFeatures.toArray(), await textFeatures.toArray()] as [number[][], number[][]];
    return images.map((a) => texts.map((b) => 5 * a.reduce((sum, x, k) => sum + x * (b[k] as number), 0) - 1));
  };
  const concepts = [7, 3, 7, 1];

  test.each([
    ['all pairs are negatives', null],
    ['pairs of one concept are not', concepts],
  ])('contrastiveLoss: %s', async (_, groups) => {
    const logits = await logitsOf(pairs());
    const counts = (i: number, j: number): boolean => i === j || groups === null || groups[i] !== groups[j];
    let expected = 0;
    for (let i = 0; i < 4; i++) {
      const own = logits[i]?.[i] as number;
      const row = (logits[i] as number[]).filter((_, j) => counts(i, j));
      const column = logits.map((line) => line[i] as number).filter((_, j) => counts(i, j));
      expected += (logSumExp(row) - own + logSumExp(column) - own) / 8;
    }
    const options = groups === null ? {} : { concepts: classes(...groups) };
    expect(await contrastiveLoss(pairs(), options).item()).toBeCloseTo(expected, 5);
  });

  test.each([
    ['all pairs are negatives', null],
    ['pairs of one concept are not', concepts],
  ])('sigLipLoss: %s', async (_, groups) => {
    const logits = await logitsOf(pairs());
    let expected = 0;
    logits.forEach((row, i) => {
      row.forEach((logit, j) => {
        if (i !== j && groups !== null && groups[i] === groups[j]) return;
        expected += Math.log(1 + Math.exp(i === j ? -logit : logit)) / 4;
      });
    });
    const options = groups === null ? {} : { concepts: classes(...groups) };
    expect(await sigLipLoss(pairs(), options).item()).toBeCloseTo(expected, 5);
  });

  test('features of length 0 stay finite', async () => {
    expect(await l2Normalize(zeros([1, 3])).data()).toEqual(new Float32Array(3));
  });
});

describe('losses', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives, also where pairs are left out', async () => {
    const features = (salt: number): Tensor => numbered([4, 3], salt).cast('f64').mul(0.3);
    const loss =
      (kind: typeof contrastiveLoss) =>
      (a: Tensor, b: Tensor, logitScale: Tensor): Tensor =>
        kind({ imageFeatures: a, textFeatures: b, logitScale }, { concepts: classes(0, 1, 0, 2) });
    const inputs = [features(1), features(2), tensor(Float64Array.of(1.5)).reshape([])];
    await gradcheck(loss(contrastiveLoss), inputs);
    await gradcheck(loss(sigLipLoss), inputs);
    await gradcheck((x) => crossEntropy(x, classes(2, 0, 1, 1), { labelSmoothing: 0.1 }), [features(3)]);
  });

  test('what does not fit is refused', () => {
    expect(() => crossEntropy(zeros([2, 3]), classes(1))).toThrow('logits [2, 3] and target [1]');
    expect(() => crossEntropy(zeros([2, 3]), zeros([2]))).toThrow('must be i32 class indices, got f32');
    expect(() => crossEntropy(zeros([1, 3]), classes(1), { labelSmoothing: 2 })).toThrow('must lie in [0, 1]');
    const features = { imageFeatures: zeros([2, 3]), textFeatures: zeros([3, 3]), logitScale: tensor(1) };
    expect(() => contrastiveLoss(features)).toThrow(
      'contrastiveLoss: image features [2, 3] and text features [3, 3] must be [B, E] and [B * K, E]',
    );
    const fitting = { ...features, textFeatures: zeros([2, 3]) };
    expect(() => sigLipLoss(fitting, { concepts: classes(1, 2, 3) })).toThrow('concepts must be i32 [2], got i32 [3]');
  });
});
