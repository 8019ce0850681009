/** DeiT's losses against their definitions. */
import { grad } from '@tessera/autograd';
import { type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import { crossEntropy } from './cross-entropy.ts';
import { distillationLoss } from './distillation.ts';

const [n, classes] = [3, 4];
const softmax = (row: number[], temperature: number): number[] => {
  const powers = row.map((x) => Math.exp(x / temperature));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((x) => x / total);
};

describe.each(testedBackends)('distillationLoss on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const given = () => ({
    logits: numbered([n, classes], 1),
    distillation: numbered([n, classes], 2),
    teacher: numbered([n, classes], 3),
    labels: tensor(Int32Array.of(1, 3, 0)),
  });

  test('hard: the teacher decides one more label', async () => {
    const { logits, distillation, teacher, labels } = given();
    const rows = (await teacher.toArray()) as number[][];
    const decisions = tensor(Int32Array.from(rows, (row) => row.indexOf(Math.max(...row))));
    const expected = crossEntropy(logits, labels).mul(0.5).add(crossEntropy(distillation, decisions).mul(0.5));
    const loss = distillationLoss({ logits, distillation }, labels, teacher);
    expect(await loss.item()).toBeCloseTo(await expected.item(), 5);
  });

  test('soft: divergence of the distributions at a temperature', async () => {
    const { logits, distillation, teacher, labels } = given();
    const [alpha, temperature] = [0.3, 2];
    const distributions = async (logits: Tensor): Promise<number[]> =>
      ((await logits.toArray()) as number[][]).flatMap((row) => softmax(row, temperature));
    const [p, q] = [await distributions(teacher), await distributions(distillation)];
    const divergence = p.reduce((sum, x, k) => sum + x * Math.log(x / (q[k] ?? Number.NaN)), 0);
    const taught = (temperature ** 2 * divergence) / n;
    const expected = (1 - alpha) * (await crossEntropy(logits, labels).item()) + alpha * taught;
    const options = { kind: 'soft', alpha, temperature } as const;
    expect(await distillationLoss({ logits, distillation }, labels, teacher, options).item()).toBeCloseTo(expected, 4);
  });

  test('no gradient reaches the teacher', async () => {
    const { logits, distillation, teacher, labels } = given();
    for (const t of [distillation, teacher]) t.requiresGrad = true;
    for (const kind of ['hard', 'soft'] as const) {
      const loss = distillationLoss({ logits, distillation }, labels, teacher, { kind });
      const [student, taught] = grad(loss, [distillation, teacher], { allowUnused: true });
      expect(distance((await student?.data()) ?? [], new Float32Array(n * classes))).toBeGreaterThan(0.01);
      expect(new Set(await taught?.data())).toEqual(new Set([0]));
    }
  });

  test('shapes that differ are refused', () => {
    const { logits, distillation, labels } = given();
    expect(() => distillationLoss({ logits, distillation }, labels, numbered([n, 5]))).toThrow(
      "distillationLoss: the student's logits [3, 4] and the teacher's [3, 5] differ in shape",
    );
  });
});
