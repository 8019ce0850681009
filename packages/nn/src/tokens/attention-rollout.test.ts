/** Attention rollout and relevance on attention that is known. */
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { normal } from '../init/init.ts';
import { attentionRelevance, attentionRollout, gradientWeightedAttention } from './attention-rollout.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(5);
});

const largest = (a: Tensor, b: Tensor | number): Promise<number> => a.sub(b).abs().max().item();
/** Attention weights of one head in which each token looks at one other alone. */
const pointing = (...at: number[]): Tensor =>
  tensor(
    at.map((key) => at.map((_, k) => (k === key ? 1 : 0)) as number[]),
    { dtype: 'f32' },
  ).reshape([1, 1, at.length, at.length]);

describe('attentionRollout', () => {
  test('rows sum to 1', async () => {
    const weights = [1, 2, 3].map(() => normal({ std: 3 })([2, 4, 7, 7]).softmax(-1));
    const rollout = attentionRollout(weights);
    expect(rollout.shape).toEqual([2, 7, 7]);
    expect(await largest(rollout.sum(-1), 1)).toBeLessThan(1e-6);
    expect(await rollout.min().item()).toBeGreaterThanOrEqual(0);
  });

  test('follows a chain of tokens through the layers, first layer first', async () => {
    // In the first layer 1 looks at 2; in the second, 0 looks at 1: so 0 hears of 2, by the share 1/2 * 1/2.
    const rollout = attentionRollout([pointing(0, 2, 2), pointing(1, 1, 2)]);
    expect(await rollout.select(0, 0).select(0, 0).data()).toEqual(Float32Array.of(0.5, 0.25, 0.25));
    // The other way round nothing of 2 arrives.
    const reversed = attentionRollout([pointing(1, 1, 2), pointing(0, 2, 2)]);
    expect(await reversed.select(0, 0).select(0, 0).data()).toEqual(Float32Array.of(0.5, 0.5, 0));
  });

  test('heads count alike', async () => {
    const rollout = attentionRollout([pointing(0, 0).expand([1, 1, 2, 2]).add(pointing(1, 1)).mul(0.5)]);
    expect([...(await rollout.data())]).toEqual([0.75, 0.25, 0.25, 0.75]);
  });

  test('what does not fit is refused', () => {
    expect(() => attentionRollout([])).toThrow('the list of layers is empty');
    const square = normal()([1, 2, 3, 3]);
    expect(() => attentionRollout([square, normal()([1, 2, 1, 3])])).toThrow(
      'attentionRollout: layer 1 has weights [1, 2, 1, 3]; all must be [N, H, L, L]',
    );
    expect(() => attentionRelevance([square], [])).toThrow('1 layers, but gradients of 0');
    expect(() => gradientWeightedAttention(square, normal()([1, 2, 3, 4]))).toThrow('must both be [N, H, L, S]');
  });
});

test('attentionRelevance counts attention that speaks for the number, and not what speaks against it', async () => {
  const weights = tensor([0.25, 0.75, 0.5, 0.5], { dtype: 'f32', shape: [1, 1, 2, 2] });
  const gradient = tensor([4, -8, 0, 2], { dtype: 'f32', shape: [1, 1, 2, 2] });
  expect([...(await gradientWeightedAttention(weights, gradient).data())]).toEqual([1, 0, 0, 1]);
  // R = (I + A)(I + A) with A = I.
  const relevance = attentionRelevance([weights, weights], [gradient, gradient]);
  expect([...(await relevance.data())]).toEqual([4, 0, 0, 4]);
});
