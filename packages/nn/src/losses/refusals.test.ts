/** Arguments that losses refuse. */
import { tensor, zeros } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { useBackend } from '../testing/backends.ts';
import { multilabelMarginLoss, multiMarginLoss } from './class-margins.ts';
import { type DistillationOptions, distillationLoss } from './distillation.ts';
import { klDiv } from './divergence.ts';
import { gaussianNllLoss, poissonNllLoss } from './likelihood.ts';
import { cosineEmbeddingLoss, marginRankingLoss, tripletMarginLoss } from './margins.ts';
import { huberLoss, mseLoss, smoothL1Loss } from './regression.ts';

beforeAll(() => useBackend('reference'));

const x = zeros([2, 3]);
const whole = zeros([2, 3], { dtype: 'i32' });
const label = tensor(Int32Array.of(0, 3));

const distilled = (options: DistillationOptions): unknown =>
  distillationLoss({ logits: x, distillation: x }, tensor(Int32Array.of(0, 1)), x, options);

test.each<[string, () => unknown]>([
  ["reduction must be 'mean', 'sum' or 'none', got 'avg'", () => mseLoss(x, x, { reduction: 'avg' as 'sum' })],
  ['mseLoss: the input must be floating point, got i32 [2, 3]; cast it', () => mseLoss(whole, x)],
  ['mseLoss: the target must be a tensor, got 3', () => mseLoss(x, 3 as never)],
  ['klDiv: the input must be a tensor, got undefined', () => klDiv(undefined as never, x)],
  ['multiMarginLoss: the target must be a tensor', () => multiMarginLoss(x, null as never)],
  ["distillationLoss: kind must be hard or soft, got 'warm'", () => distilled({ kind: 'warm' as 'hard' })],
  ['distillationLoss: temperature must be greater than 0, got 0', () => distilled({ temperature: 0 })],
  ['mseLoss: input [2, 3] and weight [3] must have one shape', () => mseLoss(x, x, { weight: zeros([3]) })],
  ['sub: shapes [2, 3] and [2] do not broadcast', () => mseLoss(x, zeros([2]))],
  ['smoothL1Loss: beta must be a number of at least 0, got -1', () => smoothL1Loss(x, x, { beta: -1 })],
  ['huberLoss: delta must be greater than 0, got 0', () => huberLoss(x, x, { delta: 0 })],
  ['klDiv: the target must be floating point, got i32 [2, 3]; cast it', () => klDiv(x, whole)],
  ['poissonNllLoss: eps must be a number of at least 0, got NaN', () => poissonNllLoss(x, x, { eps: Number.NaN })],
  ['gaussianNllLoss: eps must be greater than 0, got 0', () => gaussianNllLoss(x, x, x, { eps: 0 })],
  ['gaussianNllLoss: variance must be a number of at least 0, got -1', () => gaussianNllLoss(x, x, -1)],
  ['gaussianNllLoss: the variance [3] must be [2, 3]', () => gaussianNllLoss(x, x, zeros([3]))],
  ['vectors [2, 3], [2, 3] and target [2, 3] must be [N, D] and [N]', () => cosineEmbeddingLoss(x, x, x)],
  ['tripletMarginLoss: margin must be greater than 0, got 0', () => tripletMarginLoss(x, x, x, { margin: 0 })],
  ['must have equally many axes', () => tripletMarginLoss(x, x, zeros([3]))],
  ['marginRankingLoss: inputs [2, 3], [3] and target [2, 3]', () => marginRankingLoss(x, zeros([3]), x)],
  ['multiMarginLoss: p must be 1 or 2, got 3', () => multiMarginLoss(x, label, { p: 3 as 2 })],
  ['multiMarginLoss: input [2, 3] and target [3] must be', () => multiMarginLoss(x, zeros([3], { dtype: 'i32' }))],
  ['3 at position', () => multiMarginLoss(x, label).dataSync()],
  ['multilabelMarginLoss: index 4 at position', () => multilabelMarginLoss(x, whole.add(4)).dataSync()],
  ['multilabelMarginLoss: the target must be integers', () => multilabelMarginLoss(x, x)],
])('%s', (message, call) => {
  expect(call).toThrow(message);
});
