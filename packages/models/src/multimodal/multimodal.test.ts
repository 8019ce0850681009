/** Cross-attention, connectors and fusion of images and text. */
import { grad } from '@tessera/autograd';
import { crossEntropy, init, type Linear, type Module } from '@tessera/nn';
import {
  manualSeed,
  randn,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from '@tessera/tensor';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at, expectClose } from '../testing/lists.ts';
import {
  CoAttentionBlock,
  ConcatFusion,
  type Connector,
  CrossAttention,
  CrossAttentionBlock,
  fusionKinds,
  GatedCrossAttentionBlock,
  JointProjection,
  LinearConnector,
  MLPConnector,
  MultimodalClassifier,
  PerceiverResampler,
  TextEncoder,
  TransformerFusion,
  WeightedSumFusion,
} from './index.ts';

beforeAll(() => registerReferenceBackends());
beforeEach(() => {
  setDefaultBackend('wasm');
  manualSeed(5);
});

const list = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const largest = async (x: Tensor): Promise<number> => Math.max(...(await list(x.abs())));
const rows = async (x: Tensor): Promise<number[][]> => (await x.toArray()) as number[][];

describe('cross-attention', () => {
  test('is the weighted mean of the values, by its definition', async () => {
    const layer = new CrossAttention(6, 2, { contextWidth: 4 });
    const [query, context] = [randn([1, 3, 6]), randn([1, 5, 4])];
    const { output, weights } = layer.attend(query, context);
    expect([output.shape, weights.shape]).toEqual([
      [1, 3, 6],
      [1, 2, 3, 5],
    ]);
    const project = async (linear: Linear, x: Tensor) => rows(linear.forward(x).squeeze(0));
    const [q, k, v] = [
      await project(layer.q_proj, query),
      await project(layer.k_proj, context),
      await project(layer.v_proj, context),
    ];
    const gathered = q.map((row) => row.map(() => 0));
    for (const [l, row] of q.entries())
      for (const head of [0, 1]) {
        const own = [0, 1, 2].map((d) => 3 * head + d);
        const dot = (key: number[]): number => own.reduce((sum, d) => sum + at(row, d) * at(key, d), 0);
        const scores = k.map((key) => Math.exp(dot(key) / Math.sqrt(3)));
        const total = scores.reduce((a, b) => a + b);
        for (const d of own)
          at(gathered, l)[d] = v.reduce((sum, value, s) => sum + (at(scores, s) / total) * at(value, d), 0);
      }
    const expected = await list(layer.out_proj.forward(tensor(gathered).unsqueeze(0)));
    expectClose(await list(output), expected);
  });

  test('sees nothing of padding, and nothing behind a mask', async () => {
    const block = new CrossAttentionBlock(8, 2);
    const query = randn([2, 3, 8]);
    const context = randn([2, 4, 8]);
    const shift = tensor([0, 0, 1, 1]).reshape(1, 4, 1);
    const other = context.add(shift.mul(randn([2, 4, 8])));
    // Data from here on, so that both are computed by the same programs.
    await Promise.all([query, context, other].map((x) => x.realize()));
    const keyPaddingMask = tensor([0, 0, 1, 1]).gt(0).expand(2, 4);
    const see = (x: Tensor, masked: boolean) => list(block.forward(query, x, masked ? { keyPaddingMask } : {}));
    expect(await see(other, true)).toEqual(await see(context, true));
    expect(await see(other, false)).not.toEqual(await see(context, false));
    const mask = keyPaddingMask.logicalNot().reshape(2, 1, 1, 4);
    expect(await list(block.forward(query, context, { mask }))).toEqual(await see(context, true));
    // Masks of numbers are added, also together with a boolean one; integers could mean both.
    const bias = tensor([0, -1, 2, 0.5]).expand(2, 1, 1, 4);
    const hidden = tensor([0, 0, -Infinity, -Infinity]);
    const both = await list(block.forward(query, context, { mask: bias, keyPaddingMask }));
    expectClose(await list(block.forward(query, context, { mask: bias.add(hidden) })), both);
    expectClose(await list(block.forward(query, context, { mask: bias, keyPaddingMask: hidden.expand(2, 4) })), both);
    for (const wrong of [{ mask: mask.cast('i32') }, { keyPaddingMask: keyPaddingMask.cast('u8') }])
      expect(() => block.forward(query, context, wrong)).toThrow('must be bool');
  });

  test('both ways, each sees the other as it was', async () => {
    const block = new CoAttentionBlock(8, 6, 2);
    const [image, text] = [randn([2, 5, 8]), randn([2, 3, 6])];
    const seen = block.forward(image, text);
    expect([seen.image.shape, seen.text.shape]).toEqual([
      [2, 5, 8],
      [2, 3, 6],
    ]);
    expect(await list(seen.text)).toEqual(await list(block.text_to_image.forward(text, image)));
    expect(await list(seen.image)).toEqual(await list(block.image_to_text.forward(image, text)));
  });

  test('refuses what does not fit', () => {
    expect(() => new CrossAttention(6, 4)).toThrow('width 6 does not divide into 4 heads');
    expect(() => new CrossAttention(6, 2).forward(zeros([2, 3, 6]), zeros([1, 3, 6]))).toThrow(
      'query [2, 3, 6] and context [1, 3, 6]',
    );
  });
});

describe('gated cross-attention', () => {
  const inputs = (): [Tensor, Tensor] => [randn([2, 3, 8]), randn([2, 5, 4])];
  const block = (): GatedCrossAttentionBlock => new GatedCrossAttentionBlock(8, 2, { contextWidth: 4 });

  test('is the identity at the start, bit for bit', async () => {
    const [x, context] = inputs();
    expect(await list(block().forward(x, context))).toEqual(await list(x));
  });

  // The gates' factors on the other gradients are tanh(0) = 0: in the first step, only the gates learn.
  test('in the first step the gates learn and nothing else, in the second all', async () => {
    const model = block();
    const [x, context] = inputs();
    const target = randn([2, 3, 8]);
    const gradients = async (): Promise<Record<string, number>> => {
      const named = model.namedParameters();
      const loss = model.forward(x, context).sub(target).square().mean();
      const found = grad(
        loss,
        named.map(([, parameter]) => parameter),
      );
      return Object.fromEntries(await Promise.all(named.map(async ([name], k) => [name, await largest(at(found, k))])));
    };
    const first = await gradients();
    expect(Object.keys(first).length).toBeGreaterThan(10);
    for (const [name, size] of Object.entries(first))
      if (name.endsWith('_gate')) expect(size, name).toBeGreaterThan(1e-3);
      else expect(size, name).toBe(0);
    for (const gate of [model.attn_gate, model.ff_gate]) gate.assign(gate.add(0.1));
    for (const [name, size] of Object.entries(await gradients())) expect(size, name).toBeGreaterThan(0);
  });

  test('with open gates it is both branches, scaled by tanh', async () => {
    const model = block();
    model.attn_gate.assign(tensor([0.3]));
    model.ff_gate.assign(tensor([-0.7]));
    const [x, context] = inputs();
    const seen = model.attn.forward(model.ln_1.forward(x), model.ln_context.forward(context));
    const y = x.add(seen.mul(Math.tanh(0.3)));
    const z = y.add(model.mlp.forward(model.ln_2.forward(y)).mul(Math.tanh(-0.7)));
    const expected = await list(z);
    expectClose(await list(model.forward(x, context)), expected);
  });
});

describe('connectors', () => {
  const kinds: [string, () => Connector, number][] = [
    ['linear', () => new LinearConnector(1024, 4096), 196],
    ['MLP', () => new MLPConnector(1024, 4096), 196],
    ['resampler', () => new PerceiverResampler(1024, 4096, { latents: 64 }), 64],
  ];

  test.each(kinds)("%s: (2, 196, 1024) into a language model's 4096", (_, make, tokens) => {
    const connector = init.skipInit(make);
    expect(connector.forward(zeros([2, 196, 1024])).shape).toEqual([2, tokens, 4096]);
  });

  test('a resampler returns one token for each latent, and the order of its input does not matter', async () => {
    const resampler = new PerceiverResampler(8, 6, { latents: 3, heads: 2, headWidth: 4 });
    const tokens = randn([2, 7, 8]);
    const forward = (x: Tensor): Promise<number[]> => list(resampler.forward(x));
    expect(resampler.forward(randn([2, 50, 8])).shape).toEqual([2, 3, 6]);
    const flipped = await forward(tokens.flip(1));
    expectClose(await forward(tokens), flipped);
    expect(() => resampler.forward(zeros([2, 7, 6]))).toThrow('needs tokens [N, S, 8], got [2, 7, 6]');
  });

  test("an MLP connector's names are LLaVA's", () => {
    const names = [...new MLPConnector(2, 3).stateDict().keys()];
    expect(names).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
  });
});

describe('fusion', () => {
  test('projections into one space have features of length 1', async () => {
    const { imageFeatures, textFeatures } = new JointProjection(6, 4, 5).forward(randn([3, 6]), randn([3, 4]));
    for (const features of [imageFeatures, textFeatures]) {
      expect(features.shape).toEqual([3, 5]);
      for (const length of await list(features.square().sum(1))) expect(length).toBeCloseTo(1, 5);
    }
  });

  test('concatenation and weighted sum: shapes, and shares that start equal and are learned', async () => {
    const [image, text] = [randn([3, 6]), randn([3, 4])];
    expect(new ConcatFusion(6, 4, 5).forward(image, text).shape).toEqual([3, 5]);
    const sum = new WeightedSumFusion(6, 4, 5);
    expect(await list(sum.shares())).toEqual([0.5, 0.5]);
    const halves = sum.image_projection.forward(image).add(sum.text_projection.forward(text)).mul(0.5);
    const expected = await list(halves);
    expectClose(await list(sum.forward(image, text)), expected);
    const gradient = grad(sum.forward(image, text).square().sum(), sum.balance);
    expect(await largest(gradient)).toBeGreaterThan(1e-3);
    sum.balance.assign(tensor([50, -50]));
    const alone = await list(sum.image_projection.forward(image));
    expect(await list(sum.forward(image, text))).toEqual(alone);
  });

  test('a transformer over both: class token, image, text; padding is not seen', async () => {
    const fusion = new TransformerFusion(6, 4, 8, 2, 2);
    const [image, text] = [randn([2, 5, 6]), randn([2, 3, 4])];
    expect(fusion.forward(image, text).shape).toEqual([2, 1 + 5 + 3, 8]);
    const padding = tensor([0, 0, 1]).gt(0).expand(2, 3);
    const other = text.add(tensor([0, 0, 1]).reshape(1, 3, 1));
    const read = (x: Tensor, mask: Tensor | null) => list(fusion.forward(image, x, mask).select(1, 0));
    expect(await read(other, padding)).toEqual(await read(text, padding));
    expect(await read(other, null)).not.toEqual(await read(text, null));
  });
});

test('the text encoder: every token sees every other, and no padding', async () => {
  const encoder = new TextEncoder({ contextLength: 5, vocabularySize: 10, width: 8, layers: 1, heads: 2 });
  const encode = (...ids: number[]) =>
    list(encoder.forward(tensor(Int32Array.from(ids), { shape: [1, 5] })).tokens.select(1, 0));
  const text = await encode(8, 1, 2, 9, 0);
  expect(await encode(8, 1, 2, 9, 4)).toEqual(text);
  expect(await encode(8, 1, 3, 9, 0)).not.toEqual(text);
});

/**
 * Pairs of a picture and a word, four kinds of them: the picture has a bright half at the top or at the bottom, the word is one of
 * two. Whoever sees only one of the two guesses between two kinds.
 */
function fourKinds(): { images: Tensor; ids: Tensor; labels: Tensor } {
  const pairs = Array.from({ length: 16 }, (_, k) => ({ top: k & 1, word: (k >> 1) & 1, shade: 0.2 + (k >> 2) * 0.1 }));
  const pixels = pairs.flatMap(({ top, shade }) =>
    Array.from({ length: 3 * 64 }, (_, i) => (Math.floor((i % 64) / 32) === 1 - top ? 1 : shade)),
  );
  return {
    images: tensor(Float32Array.from(pixels), { shape: [16, 3, 8, 8] }),
    ids: tensor(Int32Array.from(pairs.flatMap(({ word }) => [5, 1 + word, 6, 0])), { shape: [16, 4] }),
    labels: tensor(Int32Array.from(pairs, ({ top, word }) => 2 * top + word)),
  };
}

const config = {
  vision: { imageSize: 8, patchSize: 4, width: 16, depth: 1, heads: 2 },
  text: { contextLength: 4, vocabularySize: 7, width: 16, layers: 1, heads: 2 },
  dim: 16,
  classes: 4,
} as const;

async function train(model: Module & { forward(images: Tensor, ids: Tensor): Tensor }, images: Tensor, ids: Tensor) {
  const { labels } = fourKinds();
  await fit(model, (x, words) => crossEntropy(model.forward(x, words), labels), [images, ids], {
    steps: 150,
    lr: 3e-3,
  });
  const right = model.forward(images, ids).argmax(1).eq(labels).cast('f32').mean();
  return right.item();
}

describe('a multimodal classifier', () => {
  test.each(fusionKinds)('with %s learns a task that needs both modalities', async (fusion) => {
    const { images, ids } = fourKinds();
    expect(await train(new MultimodalClassifier({ ...config, fusion }), images, ids)).toBe(1);
  });

  test.each(['image', 'text'] as const)('with the %s alone it cannot', async (kept) => {
    const { images, ids } = fourKinds();
    const blind = kept === 'image' ? ids.mul(0).add(tensor(Int32Array.of(5, 1, 6, 0))) : ids;
    const model = new MultimodalClassifier({ ...config, fusion: 'concat' });
    expect(await train(model, kept === 'text' ? zeros(images.shape) : images, blind)).toBeLessThanOrEqual(0.5);
  });
});
