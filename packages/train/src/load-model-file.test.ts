/** Models from files of weights outside of a run: CLIP, and classifiers. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CLIP,
  clipNormalization,
  createImageTower,
  ImageClassifier,
  imageNetNormalization,
  preprocess,
  presets,
} from '@tessera/models';
import { init } from '@tessera/nn';
import { manualSeed, tensor } from '@tessera/tensor';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import { saveWeights, writeTensors } from '@tessera/weights';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelFile } from './load-model-file.ts';
import { useTestBackend } from './testing/backend.ts';

const files = fileURLToPath(new URL('../../weights/weight-files/', import.meta.url));
const tokenizers = fileURLToPath(new URL('../../data/data-files/tokenizers/', import.meta.url));

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'clip-file-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

it("CLIP with OpenAI's tokenizer is loaded, and keeps the file's values when others are loaded into it", async () => {
  const { vision, ...preset } = presets['vit-tiny-64'];
  const text = { contextLength: 77, vocabularySize: 49408, width: 8, layers: 1, heads: 1 };
  const path = join(root, 'clip.safetensors');
  await saveWeights(new CLIP({ ...preset, vision: { ...vision, width: 8, heads: 1, layers: 1 }, text }), path);
  const { subject, checkpoint, assumptions } = await loadModelFile(path);
  const model = subject.model as CLIP;
  const tokenizer = subject.text?.tokenizer;
  expect(assumptions).toEqual([]);
  expect(tokenizer?.encode('a photo of a cat')).toContain(2368);
  const bias = checkpoint.modelState().get('ln_final.weight');
  const before = await bias?.data();
  model.text.ln_final.weight?.initialize(init.constant(7));
  model.loadStateDict(new Map([...model.stateDict()].map(([name, value]) => [name, value.mul(0)])));
  expect(await checkpoint.modelState().get('ln_final.weight')?.data()).toEqual(before);
});

it('CLIP with a tokenizer of its own is loaded with the one in its folder, if its end token is the largest id', async () => {
  const { vision, ...preset } = presets['vit-tiny-64'];
  const text = { contextLength: 16, vocabularySize: 914, width: 8, layers: 1, heads: 1 };
  const folder = join(root, 'own');
  await saveWeights(new CLIP({ ...preset, vision: { ...vision, width: 8, heads: 1, layers: 1 }, text }), folder, {
    names: 'hugging-face',
  });
  await expect(loadModelFile(folder)).rejects.toThrow(
    "the text tower has 914 tokens, so its tokenizer is not OpenAI's",
  );
  await fs.cp(join(tokenizers, 'clip'), folder, { recursive: true });
  const { subject } = await loadModelFile(folder);
  const half = subject.text;
  expect([half?.tokenizer.vocabSize, half?.contextLength]).toEqual([914, 16]);
  expect((await half?.encode(['a cat', '']))?.shape).toEqual([2, preset.embedDim]);
  for (const name of ['tokenizer.json', 'tokenizer_config.json'])
    await fs.cp(join(tokenizers, 'siglip', name), join(folder, name));
  await expect(loadModelFile(folder)).rejects.toThrow(
    /own: the tokenizer ends a text with the token 1, but CLIP needs/,
  );
});

it.each([
  [
    'open-clip-vit/open_clip_pytorch_model.bin',
    "the text tower has 50 tokens, so its tokenizer is not OpenAI's; put its own (tokenizer.json)",
  ],
  ['timm-deit/weights.pth', "is timm's Vision Transformer or DeiT; outside of a run only CLIP can be evaluated"],
])('%s is refused', async (file, message) => {
  await expect(loadModelFile(join(files, file))).rejects.toThrow(message);
});

describe('a classifier', () => {
  const classNames = ['cat', 'dog', 'owl'];
  const vision = { kind: 'plain-vit', imageSize: 8, patchSize: 4, width: 12, layers: 1, heads: 3 } as const;
  const image = Uint8Array.from({ length: 8 * 8 * 3 }, (_, k) => (k * 37) % 256);
  const save = async (name: string, normalization = clipNormalization): Promise<[string, ImageClassifier]> => {
    manualSeed(5);
    const model = new ImageClassifier(createImageTower(vision, 6, { activation: 'gelu' }), classNames.length);
    model.head.bias?.initialize(init.normal({ std: 1 }));
    const folder = join(root, name);
    const preprocessing = { imageSize: 8, normalization };
    await saveWeights(model, folder, { names: 'hugging-face', classNames, preprocessing });
    return [folder, model];
  };

  it('predicts with the names in its folder what it predicted before', async () => {
    const [folder, model] = await save('classifier');
    model.eval();
    const expected = await model
      .forward(preprocess(tensor(image, { shape: [1, 8, 8, 3] })))
      .softmax(1)
      .data();
    const png = await sharp(image, { raw: { width: 8, height: 8, channels: 3 } })
      .png()
      .toBuffer();
    using file = await loadModelFile(folder);
    const [found = []] = await file.classify([png]);
    expect(found.map(({ name }) => name).toSorted()).toEqual(classNames);
    for (const { name, probability } of found)
      expect(probability).toBeCloseTo(expected[classNames.indexOf(name)] ?? -1, 6);
  });

  it('with several classes for an image answers with each class by itself', async () => {
    const [, model] = await save('one');
    const folder = join(root, 'several');
    const preprocessing = { imageSize: 8, normalization: clipNormalization };
    await saveWeights(model, folder, { names: 'hugging-face', classNames, multiLabel: true, preprocessing });
    expect(JSON.parse(await fs.readFile(join(folder, 'config.json'), 'utf8')).problem_type).toBe(
      'multi_label_classification',
    );
    model.eval();
    const expected = await model
      .forward(preprocess(tensor(image, { shape: [1, 8, 8, 3] })))
      .sigmoid()
      .data();
    const png = await sharp(image, { raw: { width: 8, height: 8, channels: 3 } })
      .png()
      .toBuffer();
    using file = await loadModelFile(folder);
    const [found] = await file.predict([png]);
    expect(found?.kind).toBe('tags');
    for (const { name, probability } of found?.kind === 'tags' ? found.classes : [])
      expect(probability).toBeCloseTo(expected[classNames.indexOf(name)] ?? -1, 6);
  });

  it('whose images are normalized in another way, or whose names are not those of its classes, is refused', async () => {
    const [folder] = await save('imagenet', imageNetNormalization);
    await expect(loadModelFile(folder)).rejects.toThrow('its images are normalized with mean 0.485, 0.456, 0.406');
    const [other] = await save('names');
    const path = join(other, 'model.safetensors');
    const { tensors } = parseSafetensors(await fs.readFile(path));
    await writeTensors(
      path,
      new Map([...tensors].map(([name, { data, shape }]) => [name, tensor(data as Float32Array, { shape })])),
    );
    const config = JSON.parse(await fs.readFile(join(other, 'config.json'), 'utf8'));
    await fs.writeFile(join(other, 'config.json'), JSON.stringify({ ...config, id2label: { 0: 'cat', 1: 'dog' } }));
    await expect(loadModelFile(other)).rejects.toThrow('has 3 classes, but config.json has the names of 2');
  });
});
