/** Image towers that run as two halves compute the same as in one piece. */
import { init } from '@tessera/nn';
import {
  autocast,
  compile,
  manualSeed,
  noGrad,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { NaViT } from '../high-resolution/navit.ts';
import { createImageTower } from '../image-towers.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { ViT, type ViTOptions } from '../vit/vit.ts';
import { isSplitTower, type SplitTower } from './halves.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(31);
});

const small = { imageSize: [8, 12], patchSize: 4, width: 16, depth: 2, heads: 2, classes: 5 } as const;
const images = (n = 3, height = 8, width = 12): Tensor => init.normal()([n, 3, height, width]);

/** A value as another process would see it: numbers without a graph behind them. */
async function sent(x: Tensor): Promise<Tensor> {
  return tensor(await x.data(), { shape: x.shape, dtype: x.dtype });
}

/** Runs the two halves as programs of their own, with nothing but numbers between them. */
async function inTwo(model: SplitTower, x: Tensor): Promise<Tensor> {
  const { prefix, grid } = model.embed(x);
  const front = compile((batch: Tensor) => model.embed(batch).tokens);
  const back = compile((tokens: Tensor) => model.forwardTokens({ tokens, prefix, grid }));
  return back(await sent(await front(x)));
}

async function expectSameBits(a: Tensor, b: Tensor): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  expect(await a.data()).toEqual(await b.data());
}

describe('two halves compute the bits of the whole', () => {
  const towers: Record<string, () => SplitTower> = {
    "CLIP's": () => new VisionTransformer(12, 4, 16, 2, 2, 8),
    ...Object.fromEntries(
      Object.entries({
        plain: {},
        'post-norm': { norm: 'post' },
        mean: { readout: 'mean' },
        distilled: { distilled: true },
        rotary: { positions: 'rotary' },
        'linear patches, 2D positions': { patchEmbedding: 'linear', positions: '2d-concat' },
        'without head': { classes: 0 },
      } satisfies Record<string, Partial<ViTOptions>>).map(([name, options]) => [
        name,
        () => new ViT({ ...small, imageSize: 12, ...options }),
      ]),
    ),
  };
  test.each(Object.entries(towers))('%s', async (_, make) => {
    const model = make();
    const x = images(3, 12, 12);
    const whole = compile((batch: Tensor) => model.forward(batch));
    await expectSameBits(await inTwo(model, x), await whole(x));
    await expectSameBits(await inTwo(model, x), model.forward(x));
  });

  test('in half precision, where the tokens keep their dtype', async () => {
    const model = new ViT({ ...small });
    const x = images();
    const whole = autocast('bf16', () => model.forward(x));
    const embedded = autocast('bf16', () => model.embed(x));
    const received = { ...embedded, tokens: await sent(embedded.tokens) };
    await expectSameBits(
      autocast('bf16', () => model.forwardTokens(received)),
      whole,
    );
  });

  test('another image size, with interpolated positions', async () => {
    const model = new ViT({ ...small, dynamicImageSize: true });
    const x = images(2, 16, 8);
    expect(model.embed(x).grid).toEqual([4, 2]);
    await expectSameBits(await inTwo(model, x), model.forward(x));
  });

  test.each(['factorized', 'rotary'] as const)('NaViT, %s positions', async (positions) => {
    const model = new NaViT({ patchSize: 4, width: 16, depth: 2, heads: 2, maxGrid: 6, classes: 5, positions });
    const pictures = [images(1, 8, 12), images(1, 16, 4), images(1, 4, 4)].map((image) => image.select(0, 0));
    const packed = model.pack(pictures, { maxTokens: 12 });
    const { tokens, ...places } = model.embed(packed);
    const front = compile((patches: Tensor) => model.embed({ ...packed, patches }).tokens);
    const received = await sent(await front(packed.patches));
    const back = compile((given: Tensor) => model.forwardTokens({ tokens: given, ...places }, 2));
    await expectSameBits(await back(received), model.forward(packed, 2));
    expect(tokens.shape).toEqual([packed.packing.length, 12, 16]);
  });
});

describe('a mask', () => {
  const hidden = (value: boolean): Tensor =>
    tensor(Array.from({ length: 2 }, () => [true, true, true, true, true, true, value]));
  /** Changes the last of seven tokens. */
  const disturb = (tokens: Tensor): Tensor =>
    tokens.add(tensor([0, 0, 0, 0, 0, 0, 3], { shape: [1, 7, 1], dtype: 'f32' }));

  test.each<[string, SplitTower]>([
    ['plain', new ViT({ ...small, imageSize: [8, 12] })],
    ['mean', new ViT({ ...small, readout: 'mean', classToken: true })],
  ])('of a %s ViT: what it hides is neither attended to nor read out', async (_, model) => {
    const embedded = model.embed(images(2));
    const run = (tokens: Tensor, mask: Tensor | null): Tensor => model.forwardTokens({ ...embedded, tokens, mask });
    const { tokens } = embedded;
    await expectSameBits(run(disturb(tokens), hidden(false)), run(tokens, hidden(false)));
    expect(await run(disturb(tokens), null).data()).not.toEqual(await run(tokens, null).data());
    const open = run(tokens, hidden(true)).sub(run(tokens, null)).abs().max();
    expect(await open.item()).toBeLessThan(1e-6);
  });

  test("of CLIP's tower", async () => {
    const model = new VisionTransformer(8, 4, 16, 2, 2, 8);
    const embedded = model.embed(images(2, 8, 8));
    const mask = tensor([
      [true, true, true, true, false],
      [true, true, true, true, true],
    ]);
    const noise = tensor([0, 0, 0, 0, 3], { shape: [1, 5, 1], dtype: 'f32' });
    const run = (tokens: Tensor): Promise<ArrayLike<number>> =>
      noGrad(() => model.forwardTokens({ ...embedded, tokens, mask })).data();
    const [clean, noisy] = [await run(embedded.tokens), await run(embedded.tokens.add(noise))];
    expect(Array.from(noisy).slice(0, 8)).toEqual(Array.from(clean).slice(0, 8));
    expect(Array.from(noisy).slice(8)).not.toEqual(Array.from(clean).slice(8));
  });
});

describe('the back half refuses', () => {
  const model = new ViT({ ...small });
  const embedded = model.embed(images(2));

  test.each<[string, object, string]>([
    ['another width', { tokens: init.normal()([2, 7, 8]) }, 'ViT: needs tokens [N, 7, 16], got [2, 7, 8]'],
    ['tokens without class token', { tokens: init.normal()([2, 6, 16]) }, 'needs tokens [N, 7, 16], got [2, 6, 16]'],
    ['another prefix', { prefix: 0 }, 'tokens of 0 + 2 x 3 places; the model takes 1 + 2 x 3'],
    ['another grid', { grid: [3, 2] }, 'tokens of 1 + 3 x 2 places; the model takes 1 + 2 x 3'],
    ['a mask of another length', { mask: tensor([[true], [true]]) }, 'need a mask bool [2, 7], got bool [2, 1]'],
    ['a mask of numbers', { mask: init.normal()([2, 7]) }, 'need a mask bool [2, 7], got f32 [2, 7]'],
  ])('%s', (_, change, message) => {
    expect(() => model.forwardTokens({ ...embedded, ...change })).toThrow(message);
  });

  test('NaViT: places that do not fit the tokens', () => {
    const navit = new NaViT({ patchSize: 4, width: 16, depth: 1, heads: 2, maxGrid: 6 });
    const packed = navit.embed(navit.pack([images(1).select(0, 0)], { maxTokens: 12 }));
    expect(() => navit.forwardTokens({ ...packed, row: packed.row.slice(1, 1) }, 1)).toThrow(
      'NaViT: tokens [1, 12, 16] must be [S, T, 16], and image, row and column [S, T]',
    );
  });
});

test('Vision Transformers can be cut, other towers cannot', () => {
  const base = { imageSize: 32, patchSize: 8, width: 32, layers: 1 } as const;
  expect(isSplitTower(createImageTower({ kind: 'vit', ...base }, 8))).toBe(true);
  expect(isSplitTower(createImageTower({ kind: 'plain-vit', ...base }, 8))).toBe(true);
  expect(isSplitTower(createImageTower({ kind: 'resnet', imageSize: 32, width: 8, layers: [1, 1, 1, 1] }, 8))).toBe(
    false,
  );
});
