/** CLIP: OpenAI's names and sizes, presets, initial values, and behavior. */
import { contrastiveLoss, init } from '@tessera/nn';
import {
  manualSeed,
  ones,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { defaultHeads } from '../blocks/transformer.ts';
import { TextEncoder } from '../multimodal/index.ts';
import { defaultPoolHeads, ModifiedResNet } from '../resnet/modified-resnet.ts';
import { ImageClassifier } from '../tower/image-classifier.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { CLIP } from './clip.ts';
import type { CLIPConfig } from './config.ts';
import { type PresetName, presets } from './presets.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(11);
});

const text = { contextLength: 6, vocabularySize: 50, width: 64, layers: 2 };
const vit: CLIPConfig = {
  embedDim: 12,
  vision: { kind: 'vit', imageSize: 16, patchSize: 8, width: 64, layers: 1 },
  text,
};
const resnet: CLIPConfig = {
  embedDim: 12,
  vision: { kind: 'resnet', imageSize: 32, width: 4, layers: [1, 2, 1, 1] },
  text,
};

const images = (side: number): Tensor => init.normal()([3, 3, side, side]);
const captions = (...rows: number[][]): Tensor => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, 6] });
const someCaptions = (): Tensor => captions([48, 5, 6, 49, 0, 0], [48, 7, 49, 0, 0, 0], [48, 1, 2, 3, 4, 49]);

const names = (model: CLIP): string[] => [...model.stateDict().keys()].sort();

const layer = (path: string, ...members: string[]): string[] => members.map((member) => `${path}.${member}`);
const affine = ['weight', 'bias'];
const block = (path: string): string[] => [
  ...layer(`${path}.attn`, 'in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'out_proj.bias'),
  ...['ln_1', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'].flatMap((name) => layer(`${path}.${name}`, ...affine)),
];
const textNames = [
  ...['token_embedding.weight', 'positional_embedding', 'text_projection', 'logit_scale'],
  ...layer('ln_final', ...affine),
  ...block('transformer.resblocks.0'),
  ...block('transformer.resblocks.1'),
];

describe('state_dict', () => {
  test("of a Vision Transformer has OpenAI's names", () => {
    const expected = [
      ...textNames,
      ...layer('visual', 'class_embedding', 'positional_embedding', 'proj', 'conv1.weight'),
      ...layer('visual.ln_pre', ...affine),
      ...layer('visual.ln_post', ...affine),
      ...block('visual.transformer.resblocks.0'),
    ];
    expect(names(init.skipInit(() => new CLIP(vit)))).toEqual(expected.sort());
  });

  test("of a ModifiedResNet has OpenAI's names", () => {
    const norm = (path: string): string[] =>
      layer(path, ...affine, 'running_mean', 'running_var', 'num_batches_tracked');
    const bottleneck = (path: string, downsample: boolean): string[] => [
      ...[1, 2, 3].flatMap((k) => [`${path}.conv${k}.weight`, ...norm(`${path}.bn${k}`)]),
      ...(downsample ? [`${path}.downsample.0.weight`, ...norm(`${path}.downsample.1`)] : []),
    ];
    const expected = [
      ...textNames,
      ...[1, 2, 3].flatMap((k) => [`visual.conv${k}.weight`, ...norm(`visual.bn${k}`)]),
      ...[1, 2, 3, 4].flatMap((k) => bottleneck(`visual.layer${k}.0`, true)),
      ...bottleneck('visual.layer2.1', false),
      'visual.attnpool.positional_embedding',
      ...['q', 'k', 'v', 'c'].flatMap((name) => layer(`visual.attnpool.${name}_proj`, ...affine)),
    ];
    expect(names(init.skipInit(() => new CLIP(resnet)))).toEqual(expected.sort());
  });

  test.each<[PresetName, number]>([
    ['ViT-B/32', 151_277_313],
    ['ViT-B/16', 149_620_737],
    ['RN50', 102_007_137],
  ])('%s has %i parameters', (name, count) => {
    expect(init.skipInit(() => new CLIP(presets[name])).parameterCount()).toBe(count);
  });

  test('towers of other sizes than a published model: 37,267,808 and 19,673,088 parameters', () => {
    const towers = init.skipInit(() => [
      new ModifiedResNet([3, 4, 6, 3], 512, 8, 224, 64),
      new VisionTransformer(224, 16, 512, 6, 8, 512),
    ]);
    expect(towers.map((tower) => tower.parameterCount())).toEqual([37_267_808, 19_673_088]);
    for (const tower of towers) expect(tower.eval().forward(zeros([10, 3, 224, 224])).shape).toEqual([10, 512]);
  });

  test('a head is 64 wide: 12 for ViT-B, 32 in the attention pool of RN50', () => {
    const { RN50, 'ViT-B/16': base } = presets;
    const { vision } = RN50;
    expect([defaultPoolHeads({ ...vision, heads: undefined }), defaultHeads(base.vision)]).toEqual([32, 12]);
    const tower = init.skipInit(() => new ModifiedResNet(vision.layers, 1024, vision.heads, 224, vision.width));
    expect([tower.attnpool.numHeads, tower.attnpool.q_proj.weight.shape]).toEqual([32, [2048, 2048]]);
  });

  test('32 texts of 77 tokens, 768 wide: [32, 77, 768]', () => {
    const encoder = init.skipInit(
      () => new TextEncoder({ contextLength: 77, vocabularySize: 49408, width: 768, layers: 1, heads: 12 }),
    );
    expect(encoder.forward(zeros([32, 77], { dtype: 'i32' })).tokens.shape).toEqual([32, 77, 768]);
  });

  test("the numbers in OpenAI's archives are passed over, others are not", () => {
    const model = new CLIP(vit);
    const archive = new Map(model.stateDict());
    for (const name of ['input_resolution', 'context_length', 'vocab_size']) archive.set(name, tensor(1));
    expect(model.loadStateDict(archive)).toEqual({ missing: [], unexpected: [] });
    expect(() => model.loadStateDict(archive.set('extra', tensor(1)))).toThrow('unexpected: extra');
  });

  test('a SigLIP configuration adds logit_bias', async () => {
    const model = new CLIP({ ...vit, initialLogitScale: Math.log(10), initialLogitBias: -10 });
    expect(names(model)).toContain('logit_bias');
    const { logitScale, logitBias } = model.forward(images(16), someCaptions());
    expect(await logitScale.item()).toBeCloseTo(10, 4);
    expect(await logitBias?.item()).toBe(-10);
  });
});

describe('presets', () => {
  test.each(Object.keys(presets) as PresetName[])('%s fits together', (name) => {
    const { embedDim, vision, text } = presets[name];
    const model = init.skipInit(() => new CLIP(presets[name])).eval();
    const output = model.forward(
      zeros([2, 3, vision.imageSize, vision.imageSize]),
      zeros([2, text.contextLength], { dtype: 'i32' }),
    );
    expect(output.imageFeatures.shape).toEqual([2, embedDim]);
    expect(output.textFeatures.shape).toEqual([2, embedDim]);
  });
});

const spread = async (values: Tensor): Promise<number> => {
  const data = [...(await values.data())];
  return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
};
const near = async (values: Tensor | null | undefined, std: number): Promise<void> => {
  const found = await spread(values as Tensor);
  expect(Math.abs(found / std - 1)).toBeLessThan(0.12);
};

describe('initial values', () => {
  test('of the text tower', async () => {
    const model = new CLIP(vit);
    const [width, layers] = [64, 2];
    await near(model.text.token_embedding.weight, 0.02);
    await near(model.text.positional_embedding, 0.01);
    await near(model.text.text_projection, width ** -0.5);
    const residual = width ** -0.5 * (2 * layers) ** -0.5;
    const parameters = new Map(model.text.namedParameters());
    for (const path of ['transformer.resblocks.0', 'transformer.resblocks.1']) {
      await near(parameters.get(`${path}.attn.in_proj_weight`), width ** -0.5);
      await near(parameters.get(`${path}.attn.out_proj.weight`), residual);
      await near(parameters.get(`${path}.mlp.c_fc.weight`), (2 * width) ** -0.5);
      await near(parameters.get(`${path}.mlp.c_proj.weight`), residual);
      // U(+-1 / sqrt(fan in)) has a standard deviation of its bound / sqrt 3.
      await near(parameters.get(`${path}.mlp.c_fc.bias`), width ** -0.5 / Math.sqrt(3));
      for (const bias of ['attn.in_proj_bias', 'attn.out_proj.bias'])
        expect(await spread(parameters.get(`${path}.${bias}`) as Tensor)).toBe(0);
    }
    expect(await model.logit_scale.item()).toBeCloseTo(2.65926, 5);
  });

  test('of the Vision Transformer', async () => {
    const visual = new CLIP(vit).visual as VisionTransformer;
    await near(visual.positional_embedding, 64 ** -0.5);
    await near(visual.proj, 64 ** -0.5);
    await near(visual.conv1.weight, (3 * 64) ** -0.5 / Math.sqrt(3));
    const [block] = visual.transformer.resblocks;
    await near(block?.attn.in_proj_weight, Math.sqrt(2 / (64 + 3 * 64)));
    await near(block?.attn.out_proj.weight, 64 ** -0.5 / Math.sqrt(3));
  });

  test('of the ModifiedResNet: residual branches start at zero', async () => {
    const visual = new CLIP(resnet).visual as ModifiedResNet;
    const zero: string[] = [];
    for (const [name, parameter] of visual.namedParameters())
      if (parameter.ndim === 1 && name.endsWith('.weight') && (await spread(parameter)) === 0) zero.push(name);
    const blocks = ['layer1.0', 'layer2.0', 'layer2.1', 'layer3.0', 'layer4.0'];
    expect(zero).toEqual(blocks.map((name) => `${name}.bn3.weight`));
    expect(await visual.bn3.weight?.data()).toEqual(new Float32Array(4).fill(1));
    await near(visual.attnpool.positional_embedding, 128 ** -0.5);
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'c_proj'] as const)
      await near(visual.attnpool[name].weight, 128 ** -0.5);
  });
});

describe('forward', () => {
  test('features have length 1, and the loss is near ln(batch) at the start', async () => {
    const model = new CLIP(resnet);
    const output = model.forward(images(32), someCaptions());
    for (const features of [output.imageFeatures, output.textFeatures])
      for (const length of await features.square().sum(1).data()) expect(length).toBeCloseTo(1, 5);
    expect(await output.logitScale.item()).toBeCloseTo(1 / 0.07, 3);
    expect(Math.abs((await contrastiveLoss(output).item()) - Math.log(3))).toBeLessThan(3);
  });

  test('what follows the end of a caption does not count, what precedes it does', async () => {
    const model = new CLIP(vit);
    const encode = async (...row: number[]): Promise<ArrayLike<number>> => model.encodeText(captions(row)).data();
    const caption = await encode(48, 5, 6, 49, 0, 0);
    expect(await encode(48, 5, 6, 49, 9, 3)).toEqual(caption);
    expect(await encode(48, 5, 7, 49, 0, 0)).not.toEqual(caption);
  });

  test('the activation is the one that the configuration names', async () => {
    const quick = new CLIP(vit);
    const exact = new CLIP({ ...vit, activation: 'gelu' });
    exact.loadStateDict(quick.stateDict());
    const [a, b] = [await quick.encodeText(someCaptions()).data(), await exact.encodeText(someCaptions()).data()];
    expect(a).not.toEqual(b);
  });

  test('logit_scale is clamped to [0, ln 100]', async () => {
    const model = new CLIP(vit);
    for (const [value, expected] of [
      [7, Math.log(100)],
      [-1, 0],
      [2, 2],
    ] as const) {
      model.logit_scale.assign(tensor(value));
      model.clampLogitScale();
      expect(await model.logit_scale.item()).toBeCloseTo(expected, 6);
    }
  });

  test('a classifier takes any tower', () => {
    for (const config of [vit, resnet]) {
      const classifier = new ImageClassifier(new CLIP(config).visual, 5);
      expect(classifier.forward(images(config.vision.imageSize)).shape).toEqual([3, 5]);
      expect(classifier.stateDict().has('head.weight')).toBe(true);
      expect(classifier.stateDict().has('visual.conv1.weight')).toBe(true);
    }
  });

  test('what does not fit is refused', () => {
    const [model, other] = [new CLIP(vit), new CLIP(resnet)];
    expect(() => model.encodeImage(images(32))).toThrow('needs images [N, 3, 16, 16], got [3, 3, 32, 32]');
    expect(() => other.encodeImage(ones([1, 1, 32, 32]))).toThrow('ModifiedResNet: needs images [N, 3, 32, 32]');
    expect(() => model.encodeText(zeros([2, 7], { dtype: 'i32' }))).toThrow(
      'needs tokens [N, L] with L from 1 to 6, got [2, 7]',
    );
    expect(() => new CLIP({ ...vit, vision: { ...vit.vision, imageSize: 20 } })).toThrow(
      'image size 20 is not a multiple of the patch size 8',
    );
    expect(() => new CLIP({ ...resnet, vision: { ...resnet.vision, imageSize: 28 } })).toThrow(
      'the image size must be a multiple of 32, got 28',
    );
    expect(() => model.loadStateDict(other.stateDict())).toThrow(/missing: visual.class_embedding \[64\]/);
  });
});
