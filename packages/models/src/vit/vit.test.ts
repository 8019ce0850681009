/** The plain Vision Transformer: shapes, names, variants, and training. */
import { grad } from '@tessera/autograd';
import { functional as F, init } from '@tessera/nn';
import {
  autocast,
  compile,
  concat,
  formatShape,
  manualSeed,
  ones,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
} from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { Attention } from '../blocks/attention.ts';
import { createImageTower } from '../image-towers.ts';
import type { Swin } from '../swin/swin.ts';
import { fit } from '../testing/fit.ts';
import { at } from '../testing/lists.ts';
import { gridCoordinates } from '../tower/grid.ts';
import { type PositionKind, positionKinds } from './positions.ts';
import { type ViTPresetName, vitPresets } from './presets.ts';
import { ViT, type ViTOptions } from './vit.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(21);
});

const tiny = {
  imageSize: [8, 12],
  patchSize: 4,
  width: 16,
  depth: 3,
  heads: 2,
  classes: 5,
} as const satisfies ViTOptions;
const images = (n = 2, height = 8, width = 12): Tensor => init.normal()([n, 3, height, width]);
const largest = async (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item();

describe('shapes and counts', () => {
  test.each<[ViTPresetName, number]>([
    ['ViT-Ti/16', 5_717_416],
    ['ViT-S/16', 22_050_664],
    ['ViT-B/16', 86_567_656],
    ['ViT-B/32', 88_224_232],
    ['ViT-L/16', 304_326_632],
    ['DeiT-Ti/16', 5_910_800],
    ['DeiT-S/16', 22_436_432],
    ['DeiT-B/16', 87_338_192],
  ])('%s has %i parameters', (name, count) => {
    expect(init.skipInit(() => new ViT(vitPresets[name])).parameterCount()).toBe(count);
  });

  test('ViT-B/16 step by step: [B, 196, 768], [B, 197, 768], scores [B, 12, 197, 197], logits [B, 1000]', () => {
    const model = init.skipInit(() => new ViT({ ...vitPresets['ViT-B/16'], depth: 1 }));
    const x = ones([2, 3, 224, 224]);
    expect(model.patch_embed.forward(x).shape).toEqual([2, 196, 768]);
    const { tokens, grid, prefix } = model.embed(x);
    expect([tokens.shape, grid, prefix]).toEqual([[2, 197, 768], [14, 14], 1]);
    expect(model.attentionMaps(x).map(({ shape }) => shape)).toEqual([[2, 12, 197, 197]]);
    expect(at(model.blocks, 0).mlp.fc1.forward(tokens).shape).toEqual([2, 197, 3072]);
    expect(model.forward(x).shape).toEqual([2, 1000]);
    // The projection to queries, keys and values is 768 x 768 each, which the heads split.
    expect(at(model.blocks, 0).attn.qkv.weight.shape).toEqual([3 * 768, 768]);
    // The output of the front half for 32 images: 4,841,472 numbers, 9.68 MB in half precision.
    expect(model.embed(ones([32, 3, 224, 224])).tokens.size).toBe(4_841_472);
  });

  test("the state_dict has timm's names", () => {
    const block = (k: number): string[] => [
      ...['norm1', 'norm2', 'attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2'].flatMap((name) => [
        `blocks.${k}.${name}.weight`,
        `blocks.${k}.${name}.bias`,
      ]),
    ];
    const names = (options: ViTOptions): string[] => [...new ViT(options).stateDict().keys()].sort();
    const common = ['cls_token', 'pos_embed', 'patch_embed.proj.weight', 'patch_embed.proj.bias'];
    const ends = ['norm.weight', 'norm.bias', 'head.weight', 'head.bias'];
    expect(names({ ...tiny, depth: 2 })).toEqual([...common, ...block(0), ...block(1), ...ends].sort());
    expect(names({ ...tiny, depth: 1, distilled: true })).toEqual(
      [...common, 'dist_token', 'head_dist.weight', 'head_dist.bias', ...block(0), ...ends].sort(),
    );
    const mean = names({ ...tiny, depth: 1, readout: 'mean', layerScale: 1e-5 });
    expect(mean).toContain('fc_norm.weight');
    expect(mean).toContain('blocks.0.ls1.gamma');
    expect(mean).not.toContain('cls_token');
  });
});

describe('initial values', () => {
  test('are those of timm: truncated normal weights, zero biases, positions with deviation 0.02', async () => {
    const model = new ViT({ ...tiny, width: 64, imageSize: 64, depth: 1, distilled: true });
    const deviation = (x: Tensor): Promise<number> => x.std().item();
    const [block] = model.blocks;
    for (const weight of [
      block?.attn.qkv.weight,
      block?.mlp.fc1.weight,
      model.positions.stateDict().get('pos_embed'),
    ]) {
      expect(await deviation(weight as Tensor)).toBeGreaterThan(0.018);
      expect(await deviation(weight as Tensor)).toBeLessThan(0.022);
    }
    expect(await model.cls_token?.abs().max().item()).toBeLessThan(1e-5);
    expect(await model.dist_token?.abs().max().item()).toBeGreaterThan(1e-3);
    for (const [name, parameter] of model.namedParameters())
      if (name.endsWith('bias') && !name.startsWith('patch_embed')) expect(await parameter.abs().max().item()).toBe(0);
  });
});

describe('the class token comes first, then the positions of all N + 1 tokens', () => {
  test('adding positions to the patches alone is found', async () => {
    const model = new ViT(tiny);
    const position = model.positions.stateDict().get('pos_embed') as Tensor;
    const patches = model.patch_embed.forward(images(1));
    const check = async (sequence: Tensor): Promise<number> =>
      largest(sequence.select(1, 0), (model.cls_token as Tensor).select(1, 0).add(position.select(1, 0)));
    expect(position.shape).toEqual([1, 7, 16]);
    expect(await check(model.embed(images(1)).tokens)).toBe(0);
    // Positions first and the class token after: it would have no position of its own.
    const mistaken = concat([model.cls_token as Tensor, patches.add(position.slice(1, 1))], 1);
    expect(mistaken.shape).toEqual([1, 7, 16]);
    expect(await check(mistaken)).toBeGreaterThan(1e-3);
  });
});

describe('variants', () => {
  test('patches by convolution and by unfolding make the same model', async () => {
    const convolution = new ViT(tiny);
    const linear = new ViT({ ...tiny, patchEmbedding: 'linear' });
    const state = new Map(convolution.stateDict());
    state.set('patch_embed.proj.weight', (state.get('patch_embed.proj.weight') as Tensor).flatten(1));
    linear.loadStateDict(state);
    const x = images();
    expect(await largest(convolution.forward(x), linear.forward(x))).toBeLessThan(1e-6);
  });

  test('pre-norm and post-norm are the two formulas', async () => {
    for (const norm of ['pre', 'post'] as const) {
      const model = new ViT({ ...tiny, depth: 1, norm, activation: 'gelu' });
      const block = at(model.blocks, 0);
      for (const layer of [block.norm1, block.norm2]) layer.weight?.assign(init.normal({ mean: 1, std: 0.3 })([16]));
      const { tokens: z } = model.embed(images());
      const attended = (x: Tensor): Tensor => block.attn.forward(x);
      const fed = (x: Tensor): Tensor => block.mlp.forward(x);
      const inner = norm === 'pre' ? z.add(attended(block.norm1.forward(z))) : block.norm1.forward(z.add(attended(z)));
      const outer =
        norm === 'pre' ? inner.add(fed(block.norm2.forward(inner))) : block.norm2.forward(inner.add(fed(inner)));
      expect(await largest(block.forward(z), outer)).toBeLessThan(1e-6);
      // A mistaken version without norms, just the formulas of attention and MLP, is another function.
      const bare = z.add(attended(z));
      expect(await largest(bare.add(fed(bare)), outer)).toBeGreaterThan(1e-3);
      // Only pre-norm has a last norm: blocks that end in a norm need no other.
      expect(model.norm === null).toBe(norm === 'post');
    }
  });

  test('the mean is over the patches without the class token', async () => {
    const model = new ViT({ ...tiny, readout: 'mean', classToken: true, classes: 0 });
    const x = images();
    const { tokens, prefix } = at(model.features(x, [-1], { norm: false }), 0);
    expect([prefix, tokens.shape]).toEqual([1, [2, 7, 16]]);
    const expected = model.fc_norm?.forward(tokens.slice(1, 1).mean(1)) as Tensor;
    expect(await largest(model.forward(x), expected)).toBe(0);
    const withClassToken = model.fc_norm?.forward(tokens.mean(1)) as Tensor;
    expect(await largest(withClassToken, expected)).toBeGreaterThan(1e-6);
  });

  test.each(Object.keys(positionKinds) as PositionKind[])(
    'positions %s: runs, and tells patches apart unless none',
    async (positions) => {
      const model = new ViT({ ...tiny, positions, readout: 'mean' });
      for (const parameter of model.parameters())
        parameter.assign(parameter.add(init.normal({ std: 0.2 })(parameter.shape)));
      const x = images(1);
      // Exchange the left third and the middle of the image: without positions, the mean does not change.
      const [left, middle, ...others] = x.split(4, 3);
      const moved = concat([middle ?? x, left ?? x, ...others], 3);
      const change = await largest(model.forward(x), model.forward(moved));
      if (positions === 'none') expect(change).toBeLessThan(1e-5);
      else expect(change).toBeGreaterThan(1e-4);
    },
  );

  test.each(Object.keys(positionKinds) as PositionKind[])('positions %s: images of another size', (positions) => {
    const model = new ViT({ ...tiny, positions, dynamicImageSize: true });
    expect(model.forward(images(1, 16, 20)).shape).toEqual([1, 5]);
    expect(model.encode(images(1, 16, 20)).tokens.shape).toEqual([1, 21, 16]);
  });

  test('rotary positions turn queries and keys of each head, not the tokens', async () => {
    const model = new ViT({ ...tiny, positions: 'rotary', depth: 1 });
    const plain = new ViT({ ...tiny, positions: 'none', depth: 1 });
    plain.loadStateDict(model.stateDict());
    const x = images(1);
    expect(await largest(model.embed(x).tokens, plain.embed(x).tokens)).toBe(0);
    expect(model.positions.angles([2, 3], 'f32')?.shape).toEqual([7, 4]); // a head is 8 wide
    // The class token has no place: it is not turned.
    expect(await model.positions.angles([2, 3], 'f32')?.select(0, 0).abs().max().item()).toBe(0);
  });

  test('with rotary positions attention does not change when all move; turning the tokens instead is found', async () => {
    const attention = new Attention(16, 2, { initializer: init.normal({ std: 0.3 }) });
    const x = init.normal()([1, 6, 16]);
    const { row, column } = gridCoordinates([2, 3]);
    const angles = (by: number, width: number): Tensor => F.rotaryAngles2d(row.add(by), column.add(2 * by), width);
    const perHead = (by: number): Tensor => attention.forward(x, { rotary: angles(by, 8) });
    expect(await largest(perHead(0), perHead(3))).toBeLessThan(1e-5);
    expect(await largest(perHead(0), attention.forward(x))).toBeGreaterThan(1e-3);
    // A mistaken version turns the features before the projections, and so the values too.
    const ofTokens = (by: number): Tensor => attention.forward(F.applyRotary(x, angles(by, 16)));
    expect(await largest(ofTokens(0), ofTokens(3))).toBeGreaterThan(1e-3);
  });

  test('features of several layers', async () => {
    const model = new ViT(tiny);
    const x = images();
    const features = model.features(x, [1, -1]);
    const [middle, last] = [at(features, 0), at(features, 1)];
    expect(await largest(last.tokens, model.encode(x).tokens)).toBe(0);
    expect(await largest(middle.tokens, last.tokens)).toBeGreaterThan(1e-5);
    expect(last.grid).toEqual([2, 3]);
    expect(() => model.features(x, [3])).toThrow('ViT.features: block 3 does not exist: the model has 3');
  });

  test('dropout and stochastic depth act in training only, and every run of a compiled step draws other numbers', async () => {
    const model = new ViT({ ...tiny, dropout: 0.1, attentionDropout: 0.1, dropPath: 0.5 });
    for (const { ls1 } of model.blocks) expect(ls1).toBeNull();
    expect(model.blocks.map(({ drop_path1 }) => drop_path1.p)).toEqual([0, 0.25, 0.5]);
    const step = compile((x: Tensor) => model.forward(x));
    const x = images();
    const first = await (await step(x)).data();
    expect(await (await step(x)).data()).not.toEqual(first);
    model.eval();
    expect(await largest(model.forward(x), model.forward(x))).toBe(0);
  });

  test('attention maps are distributions over all tokens', async () => {
    const maps = new ViT(tiny).attentionMaps(images());
    expect(maps).toHaveLength(3);
    for (const map of maps) {
      expect(formatShape(map.shape)).toBe('[2, 2, 7, 7]');
      expect(await map.sum(-1).sub(1).abs().max().item()).toBeLessThan(1e-5);
    }
  });

  test('as image towers of configurations', async () => {
    const plain = createImageTower(
      { kind: 'plain-vit', imageSize: 16, patchSize: 4, width: 64, layers: 2, positions: 'rotary' },
      10,
    );
    const swin = createImageTower(
      { kind: 'swin', imageSize: 16, patchSize: 2, width: 32, layers: [1, 1], window: 4 },
      10,
    );
    const resnet = createImageTower({ kind: 'plain-resnet', imageSize: 16, width: 4, layers: [1, 1, 1, 1] }, 10);
    for (const tower of [plain, swin, resnet]) {
      expect([tower.inputResolution, tower.outputDim]).toEqual([16, 10]);
      expect(tower.forward(images(2, 16, 16)).shape).toEqual([2, 10]);
    }
    expect((swin as Swin).layers.map(({ blocks }) => blocks[0]?.attn.numHeads)).toEqual([1, 2]);
  });

  test('a student learns from labels and from a teacher', async () => {
    setDefaultBackend('wasm');
    const teacher = init.normal({ std: 3 })([8, 5]);
    const labels = teacher.argmax(1).contiguous();
    const x = images(8).contiguous();
    for (const kind of ['hard', 'soft'] as const) {
      const student = new ViT({ ...tiny, distilled: true });
      const loss = (pictures: Tensor): Tensor =>
        F.distillationLoss(student.distill(pictures), labels, teacher, { kind });
      const losses = await fit(student, loss, [x], { steps: 60 });
      expect(losses.at(-1)).toBeLessThan(0.3 * at(losses, 0));
      expect(await student.forward(x).argmax(1).eq(labels).all().item()).toBe(1);
    }
    setDefaultBackend('reference');
  });

  test('every parameter gets a gradient', async () => {
    for (const options of [
      tiny,
      { ...tiny, distilled: true },
      { ...tiny, positions: '2d-concat', layerScale: 0.1 },
    ] as const) {
      const model = new ViT(options);
      const gradients = grad(model.forward(images()).square().sum(), model.parameters());
      for (const [k, [name]] of model.namedParameters().entries())
        expect(await at(gradients, k).abs().max().item(), name).toBeGreaterThan(0);
    }
  });

  test.each(['f16', 'bf16'] as const)('in mixed precision, %s: nearly the same', async (precision) => {
    for (const options of [{}, { positions: 'rotary' }, { positions: '2d-sum', readout: 'mean' }] as const) {
      const model = new ViT({ ...tiny, ...options });
      const x = images();
      const half = autocast(precision, () => model.encode(x).tokens);
      const difference = await largest(half.cast('f32'), model.encode(x).tokens);
      expect(difference).toBeGreaterThan(0);
      expect(difference).toBeLessThan(0.05);
    }
  });

  test('what does not fit is refused', () => {
    expect(() => new ViT({ ...tiny, imageSize: 10 })).toThrow(
      'ViT: an image of 10 x 10 does not divide into patches of 4 x 4',
    );
    expect(() => new ViT({ ...tiny, heads: 3 })).toThrow('width 16 does not divide into 3 heads');
    expect(() => new ViT({ ...tiny, classToken: false })).toThrow("readout 'cls' needs a class token");
    expect(() => new ViT({ ...tiny, distilled: true, readout: 'mean' })).toThrow('a distillation token needs readout');
    expect(() => new ViT(tiny).forward(images(1, 8, 8))).toThrow(
      'needs images [N, C, 8, 12], got [1, 3, 8, 8]; other sizes need dynamicImageSize',
    );
    expect(() => new ViT({ ...tiny, dynamicImageSize: true }).forward(images(1, 9, 12))).toThrow(
      'an image of 9 x 12 does not divide',
    );
    expect(() => new ViT(tiny).distill(images())).toThrow('this model has no distillation token');
  });
});
