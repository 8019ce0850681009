/** Towers that are read at one token compute the last block only for that token. Compared with computing all tokens and dropping the others. */
import { grad } from '@tessera/autograd';
import { functional as F, init, type Module } from '@tessera/nn';
import {
  autocast,
  compile,
  iota,
  manualSeed,
  noGrad,
  registerReferenceBackends,
  setDefaultBackend,
  stack,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { presets } from '../clip/presets.ts';
import { TextTransformer } from '../clip/text-transformer.ts';
import { TransformerFusion } from '../multimodal/index.ts';
import { at } from '../testing/lists.ts';
import type { TokenSequence } from '../tower/halves.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { ViT, type ViTOptions } from '../vit/vit.ts';
import { Transformer } from './transformer.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(41);
});

/** A model, and the function that it must equal: every block for every token, of which one is read. */
interface Pair {
  readonly model: Module;
  readonly inputs: readonly Tensor[];
  readonly short: (...inputs: Tensor[]) => Tensor;
  readonly whole: (...inputs: Tensor[]) => Tensor;
}

const images = (n: number, side: number): Tensor => init.normal()([n, 3, side, side]);

function clipVision(layers: number, batch = 3, side = 16, patch = 4): Pair {
  const model = new VisionTransformer(side, patch, 32, layers, 2, 12);
  return {
    model,
    inputs: [images(batch, side)],
    short: (x) => model.forward(x as Tensor),
    whole: (x) => model.ln_post.forward(model.tokens(x as Tensor).select(1, 0)).matmul(model.proj),
  };
}

function clipText(layers: number, length = 16): Pair {
  const model = new TextTransformer({ contextLength: length, vocabularySize: 20, width: 32, layers, heads: 2 }, 12);
  // Captions of 4, 1 and 16 tokens, 19 their end.
  const ids = [4, 1, 16].flatMap((end, n) =>
    Array.from({ length }, (_, l) => (l === end - 1 ? 19 : l < end ? l + n : 0)),
  );
  return {
    model,
    inputs: [tensor(Int32Array.from(ids), { shape: [3, length] })],
    short: (tokens) => model.forward(tokens as Tensor),
    whole: (tokens) => {
      const x = model.token_embedding.forward(tokens as Tensor).add(model.positional_embedding);
      const end = (tokens as Tensor)
        .argmax(1)
        .cast('i32')
        .add(iota([3], 0).mul(length)); // rows of [3 * length, width]
      const read = model.transformer.forward(x).flatten(0, 1).indexSelect(0, end);
      return model.ln_final.forward(read).matmul(model.text_projection);
    },
  };
}

function plain(options: Partial<ViTOptions> = {}): Pair {
  const size = { imageSize: 16, patchSize: 4, width: 32, depth: 2, heads: 2, classes: 5 } as const;
  const model = new ViT({ ...size, ...options });
  return {
    model,
    inputs: [images(3, 16)],
    short: (x) => model.forward(x as Tensor),
    whole: (x) => model.attend(x as Tensor).output,
  };
}

function fusion(): Pair {
  const model = new TransformerFusion(24, 16, 32, 2, 2);
  const padding = iota([3, 6], 1).ge(4);
  return {
    model,
    inputs: [init.normal()([3, 11, 24]), init.normal()([3, 6, 16])],
    short: (image, text) => model.classToken(image as Tensor, text as Tensor, padding),
    whole: (image, text) => model.forward(image as Tensor, text as Tensor, padding).select(1, 0),
  };
}

const pairs: Readonly<Record<string, () => Pair>> = {
  "CLIP's ViT": () => clipVision(2),
  "CLIP's ViT, one layer": () => clipVision(1),
  "CLIP's ViT without layers": () => clipVision(0),
  "CLIP's text tower": () => clipText(2),
  "CLIP's text tower, one layer": () => clipText(1),
  "CLIP's text tower without layers": () => clipText(0),
  ViT: () => plain(),
  'ViT, post-norm': () => plain({ norm: 'post' }),
  'ViT, rotary positions': () => plain({ positions: 'rotary' }),
  'ViT, two tokens read': () => plain({ distilled: true }),
  'ViT, layer scale, no bias': () => plain({ layerScale: 0.5, qkvBias: false }),
  'ViT, the mean read': () => plain({ readout: 'mean' }),
  'a transformer over two modalities': fusion,
  'ViT without blocks': () => plain({ depth: 0 }),
};

const largest = (x: Tensor): Promise<number> => x.abs().max().item();

describe.each(Object.entries(pairs))('%s', (_, make) => {
  test('has the bits of the whole', async () => {
    const { short, whole, inputs } = make();
    const expected = await noGrad(() => whole(...inputs)).data();
    expect(await noGrad(() => short(...inputs)).data()).toEqual(expected);
    const compiled = compile((...x: Tensor[]) => short(...x));
    expect(await (await compiled(...inputs)).data()).toEqual(expected);
  });

  test('has its gradients', async () => {
    const { model, short, whole, inputs } = make();
    const parameters = [...model.namedParameters()];
    const gradientsOf = (forward: Pair['short']): Tensor[] => {
      const output = forward(...inputs);
      // Not symmetric, so that no gradient vanishes by accident.
      return grad(output.mul(output.add(init.constant(0.3)(output.shape)).square()).sum(), [
        ...parameters.map(([, parameter]) => parameter),
      ]);
    };
    const expected = gradientsOf(whole);
    const largestOf = (x: Tensor): Tensor => x.abs().max();
    const errors = gradientsOf(short).map((gradient, k) => {
      const wanted = at(expected, k);
      return largestOf(gradient.sub(wanted)).div(largestOf(wanted).add(1e-12));
    });
    const found = await stack(errors).data();
    for (const [k, [name]] of parameters.entries()) expect(found[k], name).toBeLessThan(2e-6);
  });
});

describe("the bits of the whole at the presets' sequence lengths", () => {
  const sameBits = async ({ short, whole, inputs }: Pair): Promise<void> => {
    const run = (forward: Pair['short']): Promise<Tensor> => compile((...x: Tensor[]) => forward(...x))(...inputs);
    expect(await (await run(short)).data()).toEqual(await (await run(whole)).data());
  };
  const lengths = Object.values(presets).map(({ vision }) =>
    vision.kind === 'vit' ? ([vision.imageSize, vision.patchSize] as const) : null,
  );
  const grids = [...new Map(lengths.filter((pair) => pair !== null).map((pair) => [`${pair}`, pair])).values()];
  test.each(grids)('images of %i, patches of %i', (side, patch) => sameBits(clipVision(1, 3, side, patch)));
  const contexts = new Set(Object.values(presets).map(({ text }) => text.contextLength));
  test.each([...contexts])('texts of %i', (length) => sameBits(clipText(1, length)));
});

test('in half precision: nearly the same', async () => {
  for (const make of [() => clipVision(2), () => clipText(2), () => plain()]) {
    const { short, whole, inputs } = make();
    const run = (forward: Pair['short']): Tensor => autocast('bf16', () => forward(...inputs)).cast('f32');
    const expected = run(whole);
    expect(await largest(run(short).sub(expected))).toBeLessThan(0.02 * (await largest(expected)));
  }
});

test('a mask hides tokens from the one that is read', async () => {
  const { model } = clipVision(2) as { model: Module } as { model: VisionTransformer };
  const embedded = model.embed(images(2, 16));
  const shown = Array.from({ length: 2 }, (_, n) => Array.from({ length: 17 }, (_, l) => n === 0 || l < 9));
  const sequence: TokenSequence = { ...embedded, mask: tensor(shown) };
  const keyPaddingMask = tensor(shown.map((row) => row.map((token) => !token)));
  const tokens = model.transformer.forward(model.ln_pre.forward(embedded.tokens), { keyPaddingMask });
  const expected = model.ln_post.forward(tokens.select(1, 0)).matmul(model.proj);
  expect(await model.forwardTokens(sequence).data()).toEqual(await expected.data());
  expect(await model.forwardTokens(embedded).data()).not.toEqual(await expected.data());
});

describe('Transformer.forwardAt', () => {
  test.each([false, true])('reads any place, batchFirst %s', async (batchFirst) => {
    const transformer = new Transformer(16, 2, 2, { causal: true, batchFirst });
    const x = init.normal()(batchFirst ? [3, 5, 16] : [5, 3, 16]);
    const all = transformer.forward(x);
    for (const position of [0, 4, tensor(Int32Array.of(4, 1, 2))]) {
      const found = transformer.forwardAt(x, position);
      expect(found.shape).toEqual([3, 16]);
      const expected = F.tokenAt(all, position, { batchFirst }).squeeze(batchFirst ? 1 : 0);
      // Not to the bit: rows of five scores are too short for vectors along the row, and the order of sums depends on that.
      expect(await largest(found.sub(expected))).toBeLessThan(2e-6);
    }
  });

  test('refuses places outside', () => {
    const transformer = new Transformer(16, 1, 2, { batchFirst: true });
    expect(() => transformer.forwardAt(init.normal()([3, 5, 16]), 5)).toThrow(
      'tokenAt: position 5 is outside of sequences of 5 tokens',
    );
  });
});
