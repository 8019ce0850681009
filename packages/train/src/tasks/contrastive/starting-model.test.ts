/** Models that a CLIP run starts from: fitted to the run, with a message for each change. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIP, ResNet, ViT } from '@tessera/models';
import { saveWeights, writeTensors } from '@tessera/weights';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../load-config.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { readImageTower } from '../image-tower-file.ts';
import { clipConfigOf } from './clip-config.ts';
import type { ContrastiveConfig } from './settings.ts';
import { readStartingModel, startFrom } from './starting-model.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'starting-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const modelSection = (imageSize: number, contextLength: number): string =>
  `model={embedDim: 8, activation: gelu, vision: {kind: vit, imageSize: ${imageSize}, patchSize: 8, width: 8, layers: 1, heads: 1}, text: {contextLength: ${contextLength}, width: 8, layers: 1, heads: 1}}`;

/** Starts a model of `set` from the file. @returns the model and the messages, without the path */
async function start(file: string, ...set: string[]): Promise<{ model: CLIP; said: string[] }> {
  const config = (await loadConfig({
    set: ['task=contrastive', modelSection(16, 6), `initialize.checkpoint=${file}`, ...set],
  })) as ContrastiveConfig;
  const model = new CLIP(clipConfigOf(config, 600));
  const said: string[] = [];
  const found = await readStartingModel(config);
  if (found === null) throw new Error('no model');
  await startFrom(found, model, config, (message) => said.push(message.replace(`${file}: `, '')));
  return { model, said };
}

it('CLIP of another image size, context length, loss and activation', async () => {
  const source = new CLIP({
    embedDim: 8,
    vision: { kind: 'vit', imageSize: 24, patchSize: 8, width: 8, layers: 1, heads: 1 },
    text: { contextLength: 8, vocabularySize: 600, width: 8, layers: 1, heads: 1 },
    activation: 'quickgelu',
  });
  const file = join(root, 'clip.safetensors');
  await saveWeights(source, file);
  const { model, said } = await start(file, 'initialize.parts=all', 'loss.kind=siglip');
  expect(said).toEqual([
    'visual: positional_embedding: interpolated from 3 x 3 to 2 x 2 patches',
    'positional_embedding: cut from 8 to 6 tokens',
    "logit_scale and logit_bias: start at 2.303 and -10, because the file's model was trained with CLIP's loss, without a bias",
    "model.activation is gelu here; the file's model has quickgelu",
  ]);
  expect(await model.logit_bias?.item()).toBe(-10);
  expect(await model.text.positional_embedding.data()).toEqual(
    await source.text.positional_embedding.slice(0, 0, 6).data(),
  );
  await expect(start(file, 'initialize.parts=all', 'model.text.width=16')).rejects.toThrow(
    /clip\.safetensors: is a checkpoint of a different model\n.*does not fit the module/,
  );
});

it("timm's Vision Transformer as CLIP's image tower, chosen in the file by a key", async () => {
  const source = new ViT({ imageSize: 16, patchSize: 8, width: 8, depth: 1, heads: 1, classes: 3 });
  const file = join(root, 'vit.safetensors');
  const twice = [...source.stateDict()].flatMap(([name, value]) => [
    [`a.${name}`, value] as const,
    [`b.${name}`, value.mul(2)] as const,
  ]);
  await writeTensors(file, new Map(twice));
  await expect(start(file)).rejects.toThrow(
    'contains 2 models: a, b; choose with --weights-key KEY (setting initialize.key)',
  );
  const { model, said } = await start(file, 'initialize.key=a');
  expect(said[0]).toBe('left out: the head, which classifies into the classes of the file');
  expect(said[1]).toMatch(/^timm's Vision Transformer in CLIP's layers; /);
  const own = model.visual.stateDict().get('transformer.resblocks.0.mlp.c_fc.weight');
  expect(await own?.data()).toEqual(await source.stateDict().get('blocks.0.mlp.fc1.weight')?.data());
});

it.each([
  [
    'vit',
    () =>
      new ViT({
        imageSize: 8,
        patchSize: 4,
        width: 8,
        depth: 1,
        heads: 1,
        classes: 3,
        registerTokens: 2,
        noEmbedClass: true,
        layerScale: 1,
      }),
  ],
  ['resnet', () => new ResNet({ block: 'basic', layers: [1, 1, 1, 1], width: 2, classes: 3 })],
] as const)('an image model of another library describes its tower: %s', async (name, make) => {
  const file = join(root, `tower-${name}.safetensors`);
  await saveWeights(make(), file);
  const { model, headless, state } = await readImageTower(file);
  expect(headless).toBe(true);
  expect([...state.keys()].some((key) => /^(head|fc)\./.test(key))).toBe(false);
  const vision = {
    vit: {
      kind: 'plain-vit',
      imageSize: 8,
      patchSize: 4,
      width: 8,
      layers: 1,
      heads: 1,
      registerTokens: 2,
      layerScale: 1e-5,
    },
    resnet: { kind: 'plain-resnet', imageSize: 224, width: 2, layers: [1, 1, 1, 1], block: 'basic' },
  }[name];
  expect(model).toMatchObject({ embedDim: { vit: 8, resnet: 16 }[name], vision });
});

it('a Vision Transformer that no setting describes names its part; a key needs a file', async () => {
  const file = join(root, 'deit.safetensors');
  await saveWeights(
    new ViT({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 1, classes: 3, distilled: true }),
    file,
  );
  const { model, undescribed } = await readImageTower(file);
  expect({ model, undescribed }).toEqual({ model: null, undescribed: ['a distillation token'] });
  await expect(start('null', 'initialize.key=a')).rejects.toThrow('initialize.key (--weights-key) chooses a part of');
});
