/** Masks of the transformer's layers, and what they refuse. */
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import { LayerNorm } from './layer-norm.ts';
import {
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from './transformer.ts';

beforeAll(() => {
  useBackend('reference');
  manualSeed(9);
});

const options = { dimFeedforward: 8, batchFirst: true };
const x = (): Tensor => numbered([2, 4, 6]).mul(0.25);
const padding = (): Tensor => tensor([0, 0, 1, 1]).gt(0).expand(2, 4);

test('hidden places change nothing', async () => {
  const encoder = new TransformerEncoder(() => new TransformerEncoderLayer(6, 2, options), 2).eval();
  const short = await encoder.forward(x().slice(1, 0, 2)).data();
  const masked = encoder.forward(x(), { keyPaddingMask: padding() }).slice(1, 0, 2);
  expect(distance(await masked.data(), short)).toBeLessThan(1e-5);
  expect(distance(await encoder.forward(x(), { causal: true }).slice(1, 0, 2).data(), short)).toBeGreaterThan(1e-3);
  const decoder = new TransformerDecoder(() => new TransformerDecoderLayer(6, 2, options), 2, {
    norm: new LayerNorm(6),
  }).eval();
  const read = decoder.forward(x(), x(), { causal: true, memory: { keyPaddingMask: padding() } });
  const begin = decoder.forward(x().slice(1, 0, 2), x().slice(1, 0, 2), { causal: true });
  expect(distance(await read.slice(1, 0, 2).data(), await begin.data())).toBeLessThan(1e-5);
});

test('dropout acts in training, and every layer has weights of its own', async () => {
  const encoder = new TransformerEncoder(() => new TransformerEncoderLayer(6, 2, options), 2);
  expect([...encoder.stateDict().keys()].filter((name) => name.includes('linear1'))).toEqual([
    'layers.0.linear1.weight',
    'layers.0.linear1.bias',
    'layers.1.linear1.weight',
    'layers.1.linear1.bias',
  ]);
  const [first, second] = encoder.layers;
  expect(await first?.linear1.weight.data()).not.toEqual(await second?.linear1.weight.data());
  expect(await encoder.forward(x()).data()).not.toEqual(await encoder.forward(x()).data());
});

test('sizes and activations that do not exist are refused', () => {
  expect(() => new TransformerEncoderLayer(6, 4)).toThrow('width 6 does not divide into 4 heads');
  expect(() => new TransformerDecoderLayer(6, 2, { dimFeedforward: 0 })).toThrow(
    'TransformerDecoderLayer: dimFeedforward must be a whole number of at least 1, got 0',
  );
  expect(() => new TransformerEncoderLayer(6, 2, { activation: 'rely' as 'relu' })).toThrow(
    'TransformerEncoderLayer: activation must be one of relu',
  );
  expect(() => new TransformerEncoder(() => new TransformerEncoderLayer(6, 2), 0)).toThrow(
    'TransformerEncoder: numLayers must be a whole number of at least 1, got 0',
  );
});
