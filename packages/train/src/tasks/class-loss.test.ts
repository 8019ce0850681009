/** The loss of class labels and of mixed images, against PyTorch 2 and timm 1. */
import { functional as F } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, expect, it } from 'vitest';
import { mixTargets, mixupTensor, smoothedOneHot } from '../mixup/mix.ts';
import { useTestBackend } from '../testing/backend.ts';
import { classAccuracy, classLoss } from './class-loss.ts';

beforeAll(useTestBackend);

const matrix = (...rows: number[][]): Tensor => tensor(rows);
const logits = (): Tensor => matrix([0.5, -1, 2], [1.5, 0.2, -0.3], [-0.7, 0.9, 0.1], [0, 0.3, -2]);
const labels = (): Tensor => tensor(Int32Array.of(0, 2, 1, 2));
const classWeights = (): Tensor => tensor([0.5, 2, 1.25]);
/** timm's mixup_target(labels, 3, 0.3, 0.1) */
const mixed = (): Tensor => mixTargets(smoothedOneHot(labels(), 3, 0.1), mixupTensor({ lam: 0.3, box: null }));
const numberOf = async (value: Tensor): Promise<number | undefined> => (await value.data())[0];

it("is cross_entropy with weight and label_smoothing: the mean divides by the labels' weights", async () => {
  const loss = classLoss(logits(), labels(), { labelSmoothing: 0.1, classWeights: classWeights() });
  expect(await numberOf(loss)).toBeCloseTo(1.631206750869751, 6);
});

it("is timm's SoftTargetCrossEntropy for mixed images, whose targets are smoothed already", async () => {
  expect(await numberOf(classLoss(logits(), mixed(), { labelSmoothing: 0.1 }))).toBeCloseTo(1.29007887840271, 6);
});

it('is cross_entropy with weight for mixed images: the mean is over the images', async () => {
  const loss = classLoss(logits(), mixed(), { labelSmoothing: 0.1, classWeights: classWeights() });
  expect(await numberOf(loss)).toBeCloseTo(1.6443816423416138, 6);
});

it("is a part of DeiT's loss, also for mixed images", async () => {
  const distillation = matrix([0.1, -0.5, 1], [0.5, 0.7, -0.3], [-0.2, 1.9, 0.4], [1, -0.3, -1]);
  const teacher = matrix([1, 0, 0], [0, 0, 2], [0, 1, 0.5], [0.2, 0.1, 0]);
  const loss = F.distillationLoss({ logits: logits(), distillation }, mixed(), teacher, { weight: classWeights() });
  expect(await numberOf(loss)).toBeCloseTo(1.2983975410461426, 6);
});

it('has the accuracy of the class with the largest share', async () => {
  expect(await numberOf(classAccuracy(logits(), labels()))).toBe(0.25);
  // The partners have the larger shares: 2, 1, 2, 0.
  expect(await numberOf(classAccuracy(logits(), mixed()))).toBe(0.25);
});
