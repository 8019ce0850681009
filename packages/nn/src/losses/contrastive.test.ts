/** CLIP's and SigLIP's losses against their definitions. */
import { grad, gradcheck } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { l2Normalize } from '../layers/distances.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { contrastiveLoss, type DuplicateRule, duplicateRules, sigLipLoss } from './contrastive.ts';

const images = 4;
const captions = 2;
const scale = 5;
const bias = -1;
const concepts = [7, 3, 7, 1];
const conceptTensor = (): Tensor => tensor(Int32Array.from(concepts));

const features = (perImage: number) => ({
  imageFeatures: l2Normalize(numbered([images, 6], 1)),
  textFeatures: l2Normalize(numbered([images * perImage, 6], 2)),
  logitScale: tensor(scale),
  logitBias: tensor(bias),
});

async function logitsOf(perImage: number): Promise<number[][]> {
  const { imageFeatures, textFeatures } = features(perImage);
  const [a, b] = [await imageFeatures.toArray(), await textFeatures.toArray()] as [number[][], number[][]];
  const cosine = (x: number[], y: number[]): number => x.reduce((sum, v, k) => sum + v * (y[k] ?? Number.NaN), 0);
  return a.map((x) => b.map((y) => scale * cosine(x, y) + bias));
}

type Role = 'positive' | 'negative' | 'ignored';

/** How text j counts for image i, by the definition of the rules. */
function roleOf(rule: DuplicateRule, i: number, j: number, perImage: number): Role {
  const owner = Math.floor(j / perImage);
  if (owner === i) return 'positive';
  if (concepts[owner] !== concepts[i]) return 'negative';
  return ({ keep: 'negative', mask: 'ignored', share: 'positive' } as const)[rule];
}

/** -1/|P| sum over P of log softmax(logits)[p], the ignored left out. */
function rowLoss(logits: readonly number[], roles: readonly Role[]): number {
  const counted = logits.filter((_, k) => roles[k] !== 'ignored');
  const total = Math.log(counted.reduce((sum, x) => sum + Math.exp(x), 0));
  const positives = logits.filter((_, k) => roles[k] === 'positive');
  return positives.reduce((sum, x) => sum + total - x, 0) / positives.length;
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

const cases = duplicateRules.flatMap((rule) => [1, captions].map((perImage) => [rule, perImage] as const));

describe.each(testedBackends)('pair losses on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(cases)('contrastiveLoss: duplicates %s, %i captions an image', async (duplicates, perImage) => {
    const logits = await logitsOf(perImage);
    const roles = logits.map((row, i) => row.map((_, j) => roleOf(duplicates, i, j, perImage)));
    const column = <T>(table: readonly (readonly T[])[], j: number): T[] => table.flatMap((row) => row.slice(j, j + 1));
    const rows = logits.map((row, i) => rowLoss(row, roles[i] ?? []));
    const columns = (logits[0] ?? []).map((_, j) => rowLoss(column(logits, j), column(roles, j)));
    const loss = await contrastiveLoss(features(perImage), { concepts: conceptTensor(), duplicates }).item();
    expect(loss).toBeCloseTo((mean(rows) + mean(columns)) / 2, 5);
  });

  test.each(cases)('sigLipLoss: duplicates %s, %i captions an image', async (duplicates, perImage) => {
    let expected = 0;
    for (const [i, row] of (await logitsOf(perImage)).entries())
      for (const [j, logit] of row.entries()) {
        const role = roleOf(duplicates, i, j, perImage);
        if (role !== 'ignored') expected += Math.log(1 + Math.exp(role === 'positive' ? -logit : logit));
      }
    const loss = await sigLipLoss(features(perImage), { concepts: conceptTensor(), duplicates }).item();
    expect(loss).toBeCloseTo(expected / (images * perImage), 5);
  });

  test('features of length 0 stay finite', async () => {
    expect(await l2Normalize(zeros([1, 3])).data()).toEqual(new Float32Array(3));
  });
});

describe('pair losses', () => {
  beforeAll(() => useBackend('reference'));

  test('duplicates are masked by default', async () => {
    const given = { concepts: conceptTensor() };
    for (const loss of [contrastiveLoss, sigLipLoss])
      expect(await loss(features(1), given).item()).toBe(
        await loss(features(1), { ...given, duplicates: 'mask' }).item(),
      );
  });

  test('without concepts the rules make no difference', async () => {
    const losses = await Promise.all(
      duplicateRules.map((duplicates) => contrastiveLoss(features(1), { duplicates }).item()),
    );
    expect(new Set(losses).size).toBe(1);
  });

  test.each([contrastiveLoss, sigLipLoss])('derivatives of $name under every rule', async (loss) => {
    const raw = (rows: number, salt: number): Tensor => numbered([rows, 3], salt).cast('f64').mul(0.3);
    const factor = tensor(Float64Array.of(1.5)).reshape([]);
    for (const duplicates of duplicateRules)
      await gradcheck(
        (a, b, logitScale) =>
          loss({ imageFeatures: a, textFeatures: b, logitScale }, { concepts: conceptTensor(), duplicates }),
        [raw(images, 1), raw(images * captions, 2), factor],
      );
  });

  // "Unmatched pairs go to a cosine of 0" is another loss: the identity matrix as target would be its minimum. InfoNCE pushes
  // unmatched pairs apart beyond that, and sees differences of logits alone.
  test('unmatched pairs are pushed below a cosine of 0', async () => {
    const identity = tensor(
      Float32Array.from({ length: 9 }, (_, k) => Number(k % 4 === 0)),
      { shape: [3, 3], requiresGrad: true },
    );
    const loss = contrastiveLoss({ imageFeatures: identity, textFeatures: identity.detach(), logitScale: tensor(1) });
    const gradient = (await grad(loss, identity).toArray()) as number[][];
    for (const [i, row] of gradient.entries())
      for (const [j, slope] of row.entries()) expect(Math.sign(slope)).toBe(i === j ? -1 : 1);
  });

  test('a constant on all logits changes nothing in InfoNCE, and everything in SigLIP', async () => {
    const { logitBias: _, ...unbiased } = features(1);
    expect(await contrastiveLoss(features(1)).item()).toBeCloseTo(await contrastiveLoss(unbiased).item(), 6);
    expect(Math.abs((await sigLipLoss(features(1)).item()) - (await sigLipLoss(unbiased).item()))).toBeGreaterThan(0.1);
  });

  test('equal features have the loss ln B, whatever the temperature', async () => {
    const same = l2Normalize(zeros([8, 3]).add(1));
    for (const factor of [1, 14.3, 100]) {
      const loss = contrastiveLoss({ imageFeatures: same, textFeatures: same, logitScale: tensor(factor) });
      expect(await loss.item()).toBeCloseTo(Math.log(8), 4);
    }
  });

  test('what does not fit is refused', () => {
    const odd = { imageFeatures: zeros([2, 3]), textFeatures: zeros([3, 3]), logitScale: tensor(1) };
    for (const loss of [contrastiveLoss, sigLipLoss])
      expect(() => loss(odd)).toThrow(
        `${loss.name}: image features [2, 3] and text features [3, 3] must be [B, E] and [B * K, E]`,
      );
    const fitting = { ...odd, textFeatures: zeros([2, 3]) };
    const wrong = tensor(Int32Array.of(1, 2, 3));
    expect(() => sigLipLoss(fitting, { concepts: wrong })).toThrow('concepts must be i32 [2], got i32 [3]');
    const typo = { concepts: conceptTensor(), duplicates: 'shared' as DuplicateRule };
    expect(() => contrastiveLoss(features(1), typo)).toThrow("duplicates must be keep, mask, share, got 'shared'");
  });
});
