// Weights of every supported library: the same logits, the same bits after saving, and clear refusals.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relativeError } from '@tessera/autograd';
import { CLIP, ImageClassifier, ResNet, VisionTransformer, ViT } from '@tessera/models';
import type { Module } from '@tessera/nn';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadWeights, saveWeights } from './load-and-save.ts';
import { readTensors, writeTensors } from './safetensors/tensor-files.ts';

registerReferenceBackends();
setDefaultBackend('wasm');

const root = fileURLToPath(new URL('../weight-files/', import.meta.url));

let scratch: string;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'weights-'));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

/** The file of weights in a family's folder. */
async function weightsIn(folder: string): Promise<string> {
  const names = await fs.readdir(join(root, folder));
  const name = names.find((file) => !file.endsWith('.json') && file !== 'expected.safetensors');
  if (name === undefined) throw new Error(`${folder} contains no weights`);
  return join(root, folder, name);
}

/** The output of a model for the inputs of `expected.safetensors`. */
function run(model: Module, inputs: ReadonlyMap<string, Tensor>): Tensor {
  const image = inputs.get('image') as Tensor;
  model.eval();
  if (!(model instanceof CLIP)) return (model as Module & { forward(images: Tensor): Tensor }).forward(image);
  const { imageFeatures, textFeatures, logitScale, logitBias } = model.forward(image, inputs.get('text') as Tensor);
  const logits = imageFeatures.matmul(textFeatures.transpose(0, 1)).mul(logitScale as Tensor);
  return logitBias === null ? logits : logits.add(logitBias);
}

async function outputError(folder: string, model: Module): Promise<number> {
  const file = await readTensors(join(root, folder, 'expected.safetensors'));
  const below = (prefix: string) => file.select((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : null));
  const expected = below('output/').get('logits') as Tensor;
  const own = run(model, below('input/'));
  expect(own.shape).toEqual(expected.shape);
  return relativeError(await own.data(), await expected.data());
}

async function bits(state: ReadonlyMap<string, Tensor>): Promise<Record<string, unknown>> {
  const entries = [...state].map(async ([name, tensor]) => [name, [tensor.shape, tensor.dtype, await tensor.data()]]);
  return Object.fromEntries(await Promise.all(entries));
}

const families = [
  { folder: 'openai-vit-archive', names: 'openai', kind: CLIP, to: ['openai', 'open-clip', 'hugging-face'] },
  { folder: 'openai-resnet', names: 'openai', kind: CLIP, to: ['openai', 'open-clip'] },
  { folder: 'open-clip-vit', names: 'openai', kind: CLIP, to: ['openai', 'open-clip', 'hugging-face'] },
  { folder: 'open-clip-custom-text', names: 'open-clip', kind: CLIP, to: ['openai', 'open-clip'] },
  { folder: 'hugging-face-clip', names: 'hugging-face', kind: CLIP, to: ['openai', 'open-clip', 'hugging-face'] },
  { folder: 'timm-vit', names: 'timm', kind: ViT, to: ['timm'] },
  { folder: 'timm-vit-mean', names: 'timm', kind: ViT, to: ['timm'] },
  { folder: 'timm-vit-registers', names: 'timm', kind: ViT, to: ['timm'] },
  { folder: 'timm-deit', names: 'timm', kind: ViT, to: ['timm'] },
  { folder: 'torchvision-resnet-basic', names: 'torchvision', kind: ResNet, to: ['torchvision'] },
  { folder: 'torchvision-resnet-bottleneck', names: 'torchvision', kind: ResNet, to: ['torchvision'] },
] as const;

describe.each(families)('$folder', ({ folder, names, kind, to }) => {
  it('computes the logits of the library that saved it', async () => {
    const loaded = await loadWeights(await weightsIn(folder));
    expect(loaded.names).toBe(names);
    expect(loaded.model).toBeInstanceOf(kind);
    expect(await outputError(folder, loaded.model)).toBeLessThan(1e-5);
  });

  it.each(to)('is restored from the names of %s with the same bits, heads and activation', async (target) => {
    const { model } = await loadWeights(await weightsIn(folder));
    const path = join(scratch, `${folder}-${target}`);
    const saved = await saveWeights(model, path, { names: target });
    expect(saved.names).toBe(target);
    const again = await loadWeights(path);
    expect(again.assumptions).toEqual([]);
    expect(await bits(again.model.stateDict())).toEqual(await bits(model.stateDict()));
    expect(await outputError(folder, again.model)).toBeLessThan(1e-5);
  });
});

it('a classifier on an image tower is restored with its heads and activation', async () => {
  manualSeed(3);
  const tower = new VisionTransformer(16, 8, 24, 2, 3, 10, { activation: 'gelu' });
  const model = new ImageClassifier(tower, 4);
  const path = join(scratch, 'classifier.safetensors');
  expect(await saveWeights(model, path)).toEqual({ names: 'tessera', files: [path] });
  const again = (await loadWeights(path)).model as ImageClassifier;
  expect(await bits(again.stateDict())).toEqual(await bits(model.stateDict()));
  expect((again.visual as VisionTransformer).transformer.resblocks[1]?.attn.numHeads).toBe(3);
});

it('a logit_scale with one axis is the same number', async () => {
  const { model } = await loadWeights(await weightsIn('openai-vit-archive'));
  const state = new Map(model.stateDict());
  state.set('logit_scale', (state.get('logit_scale') as Tensor).reshape([1]));
  const path = join(scratch, 'scale.safetensors');
  await writeTensors(path, state);
  const again = await loadWeights(path);
  expect(await bits(again.model.stateDict())).toEqual(await bits(model.stateDict()));
});

describe('loadWeights refuses', () => {
  const path = (name: string): string => join(scratch, name);
  /** A family's tensors, changed, in a file of their own. */
  async function changed(folder: string, name: string, change: (state: Map<string, Tensor>) => void): Promise<string> {
    const { model } = await loadWeights(await weightsIn(folder));
    const source = join(path(name), 'source.safetensors');
    await fs.mkdir(path(name), { recursive: true });
    await saveWeights(model, source);
    const file = await readTensors(source);
    const state = file.select((own) => own);
    change(state);
    const target = join(path(name), 'model.safetensors');
    await writeTensors(target, state);
    return target;
  }
  const rename = (from: string, to: string) => (state: Map<string, Tensor>) => {
    state.set(to, state.get(from) as Tensor);
    state.delete(from);
  };

  it('a misspelled name, and shows the most similar one', async () => {
    const file = await changed('timm-vit', 'off', rename('blocks.0.norm2.bias', 'blocks.0.nrom2.bias'));
    await expect(loadWeights(file)).rejects.toThrow(
      /model\.safetensors: looks like timm's.*\n {2}missing: blocks\.0\.norm2\.bias\n {2}unexpected: blocks\.0\.nrom2\.bias \(did you mean blocks\.0\.norm2\.bias\?\)/,
    );
  });

  it("in the file's spelling, where one tensor of ours is three of theirs", async () => {
    const source = path('three');
    const { model } = await loadWeights(await weightsIn('hugging-face-clip'));
    await saveWeights(model, source, { names: 'hugging-face' });
    const file = await readTensors(join(source, 'model.safetensors'));
    const state = file.select((own) => own);
    state.delete('text_model.encoder.layers.0.self_attn.k_proj.bias');
    await writeTensors(join(source, 'model.safetensors'), state);
    await expect(loadWeights(source)).rejects.toThrow(
      /looks like Hugging Face's CLIPModel.*\n {2}missing: text_model\.encoder\.layers\.0\.self_attn\.k_proj\.bias$/,
    );
  });

  it('a missing layer', async () => {
    const file = await changed('openai-vit-archive', 'layer', (state) => {
      for (const name of state.keys()) if (name.startsWith('visual.transformer.resblocks.0.')) state.delete(name);
    });
    await expect(loadWeights(file)).rejects.toThrow(
      'visual.transformer.resblocks has 1 parts, but visual.transformer.resblocks.0 is missing',
    );
  });

  it('positions that are not a square grid', async () => {
    const file = await changed('timm-vit', 'grid', (state) => {
      state.set('pos_embed', (state.get('pos_embed') as Tensor).slice(1, 0, 12));
    });
    await expect(loadWeights(file)).rejects.toThrow('pos_embed has 11 places, which is not a square grid');
  });

  it('tensors of another model', async () => {
    const file = await changed('timm-vit', 'other', (state) => {
      for (const name of [...state.keys()]) rename(name, `encoder_${name}`)(state);
    });
    await expect(loadWeights(file)).rejects.toThrow(/contains \d+ tensors of an unknown model \(encoder_/);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another width', { vision_config: { hidden_size: 64 } }, 'vision_config.hidden_size is 64; expected 32'],
    ['a narrow MLP', { text_config: { intermediate_size: 64 } }, 'text_config.intermediate_size is 64; expected 128'],
    ['an unknown activation', { text_config: { hidden_act: 'snake' } }, 'hidden_act is "snake"; expected one of'],
    ['a fraction of a head', { text_config: { num_attention_heads: 2.5 } }, 'num_attention_heads is 2.5'],
    ['heads that do not divide', { text_config: { num_attention_heads: 5 } }, 'width 32 does not divide into 5 heads'],
    ['a number for a tower', { text_config: 7 }, 'text_config is not an object'],
  ])('a config.json with %s', async (name, change, message) => {
    const folder = path(`config ${name}`);
    await fs.cp(join(root, 'hugging-face-clip'), folder, { recursive: true });
    const config = JSON.parse(await fs.readFile(join(folder, 'config.json'), 'utf8'));
    for (const [key, value] of Object.entries(change))
      config[key] = typeof value === 'object' ? { ...config[key], ...value } : value;
    await fs.writeFile(join(folder, 'config.json'), JSON.stringify(config));
    await expect(loadWeights(folder)).rejects.toThrow(message);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['layer scale', { ls_init_value: 0.1 }, 'vision_cfg.ls_init_value is 0.1; expected null'],
    ["timm's towers", { timm_model_name: 'vit' }, 'vision_cfg.timm_model_name is "vit"'],
    ['another readout', { pool_type: 'avg' }, 'vision_cfg.pool_type is "avg"; expected "tok"'],
  ])('an open_clip_config.json with %s', async (name, change, message) => {
    const folder = path(`open clip ${name}`);
    await fs.cp(join(root, 'open-clip-vit'), folder, { recursive: true });
    const config = JSON.parse(await fs.readFile(join(folder, 'open_clip_config.json'), 'utf8'));
    Object.assign(config.model_cfg.vision_cfg, change);
    await fs.writeFile(join(folder, 'open_clip_config.json'), JSON.stringify(config));
    await expect(loadWeights(folder)).rejects.toThrow(message);
  });

  it('missing files and folders without weights', async () => {
    await expect(loadWeights(path('nowhere'))).rejects.toThrow('nowhere: there is no such file');
    await fs.mkdir(path('empty'), { recursive: true });
    await expect(loadWeights(path('empty'))).rejects.toThrow('contains no weights (looked for model.safetensors');
  });
});

describe('saveWeights refuses', () => {
  it('names of libraries that do not have the model', async () => {
    const { model } = await loadWeights(await weightsIn('openai-resnet'));
    await expect(saveWeights(model, join(scratch, 'no'), { names: 'hugging-face' })).rejects.toThrow(
      'CLIP cannot be stored under the names of hugging-face; supported: openai, open-clip',
    );
    await expect(saveWeights(model, join(scratch, 'no'), { names: 'timm' })).rejects.toThrow(
      'CLIP cannot be stored under the names of timm; supported: openai, open-clip',
    );
    await expect(saveWeights(model, join(scratch, 'no.pt'))).rejects.toThrow('weights are written as safetensors');
    expect(await fs.readdir(scratch)).not.toContain('no');
  });
});
