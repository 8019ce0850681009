/**
 * Folders for other libraries: Tessera reads them back with the same numbers, and their configuration is the one that the libraries have
 * accepted. With TESSERA_PYTHON, an interpreter that has transformers, open_clip and timm, they load the folders again and compute the same
 * from the same image files and texts; with TESSERA_RECORD=1, too, what they accepted is recorded in folders.json.
 */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { relativeError } from '@tessera/autograd';
import { decodeImage, trainBpe } from '@tessera/data';
import {
  CLIP,
  type CLIPConfig,
  clipNormalization,
  createImageTower,
  ImageClassifier,
  preprocess,
  presets,
  Swin,
  ViT,
  type ViTOptions,
} from '@tessera/models';
import type { Module } from '@tessera/nn';
import { manualSeed, rand, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { loadWeights } from '@tessera/weights';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Source } from './source.ts';
import { type WeightLibrary, writeFolder } from './write-folder.ts';
import { writeOnnxFolder } from './write-onnx.ts';

setDefaultBackend('wasm');

const python = process.env.TESSERA_PYTHON?.split(':')[0];
const script = fileURLToPath(new URL('../../../../../scripts/reference/load_folders.py', import.meta.url));
const recordPath = new URL('./folders.json', import.meta.url);

const imageSize = 16;
const contextLength = 9;
const texts = ['a red circle', 'Two green squares, and more words than there is room for', 'é 12!'];
const tokenizer = trainBpe(['a red circle', 'two green squares', 'circles and squares'], { vocabSize: 545 });

const text = { contextLength, vocabularySize: tokenizer.vocabSize, width: 24, layers: 1, heads: 2 } as const;
const clip = (config: Partial<CLIPConfig>): CLIP =>
  new CLIP({
    embedDim: 12,
    vision: { kind: 'vit', imageSize, patchSize: 8, width: 24, layers: 1, heads: 3 },
    text,
    ...config,
  });

const classNames = ['cat', 'a "dog"', 'größer | than'];
const classifier = (vision: Parameters<typeof createImageTower>[0], activation?: 'gelu'): ImageClassifier =>
  new ImageClassifier(createImageTower(vision, 10, activation ? { activation } : {}), classNames.length);

const plain = { kind: 'plain-vit', imageSize, patchSize: 8, width: 24, layers: 1, heads: 3 } as const;
const vitOptions: ViTOptions = { imageSize, patchSize: 8, width: 24, depth: 1, heads: 3, classes: classNames.length };

interface Case {
  readonly name: string;
  readonly build: () => Module;
  readonly to: readonly WeightLibrary[];
  /** Large: only its configuration is compared, unless Python is there. */
  readonly large?: boolean;
}

const cases: readonly Case[] = [
  { name: 'clip', build: () => clip({}), to: ['hugging-face', 'open-clip'] },
  { name: 'clip-gelu-siglip', build: () => clip({ activation: 'gelu', initialLogitBias: -10 }), to: ['open-clip'] },
  {
    name: 'clip-resnet',
    build: () => clip({ vision: { kind: 'resnet', imageSize: 32, width: 8, layers: [1, 1, 1, 1], heads: 4 } }),
    to: ['open-clip'],
  },
  {
    name: 'classifier-clip-vit',
    build: () => classifier({ kind: 'vit', imageSize, patchSize: 8, width: 24, layers: 1, heads: 3 }),
    to: ['timm'],
  },
  { name: 'classifier-vit', build: () => classifier(plain), to: ['timm', 'hugging-face'] },
  {
    name: 'classifier-vit-mean',
    build: () => classifier({ ...plain, readout: 'mean', registerTokens: 2, layerScale: 0.1, mlpRatio: 2 }, 'gelu'),
    to: ['timm'],
  },
  { name: 'deit', build: () => new ViT({ ...vitOptions, distilled: true }), to: ['timm'] },
  {
    name: 'classifier-resnet',
    build: () =>
      classifier({ kind: 'plain-resnet', imageSize: 32, width: 8, layers: [1, 1, 1, 1], block: 'bottleneck' }),
    to: ['hugging-face'],
  },
  {
    name: 'classifier-resnet-64',
    build: () => classifier({ kind: 'plain-resnet', imageSize: 32, width: 64, layers: [1, 1, 1, 1], block: 'basic' }),
    to: ['timm', 'hugging-face'],
    large: true,
  },
];

let scratch: string;
let images: string[];
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'folders-'));
  images = [];
  for (const [width, height] of [
    [16, 16],
    [32, 32],
    [50, 40],
  ] as const) {
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, k) => (k * k * 7 + (k % 11) * 23) % 256);
    const path = join(scratch, `${width}x${height}.png`);
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(path);
    images.push(path);
  }
});
afterAll(() => fs.rm(scratch, { recursive: true }));

/** Random values in place of those of a new model, whose biases are 0 and whose norms change nothing. */
async function randomize(model: Module): Promise<void> {
  const state = new Map<string, Tensor>();
  for (const [name, old] of model.stateDict()) {
    if (old.dtype !== 'f32' || old.size === 1) state.set(name, old.detach());
    else if (name.endsWith('running_var')) state.set(name, rand(old.shape).add(0.5));
    else
      state.set(
        name,
        rand(old.shape)
          .sub(0.5)
          .mul(0.4)
          .add(/(norm|bn|ln_)\w*\.weight$/.test(name) ? 1 : 0),
      );
  }
  model.loadStateDict(state);
}

const sideOf = (model: Module): number =>
  model instanceof CLIP || model instanceof ImageClassifier
    ? model.visual.inputResolution
    : (model as ViT).inputResolution;

async function sourceOf(build: () => Module): Promise<Source> {
  manualSeed(7);
  const model = build();
  await randomize(model);
  model.eval();
  return {
    model,
    title: 'a model',
    ...{ assumptions: [], notes: [], run: null, multiLabel: false },
    classNames: model instanceof CLIP ? null : classNames,
    preprocessing: { imageSize: sideOf(model), normalization: clipNormalization },
    ...(model instanceof CLIP ? { text: { tokenizer, contextLength } } : {}),
  };
}

type Outputs = Readonly<Record<string, readonly (readonly number[])[]>>;

async function rows(values: Tensor): Promise<number[][]> {
  const [n = 0, width = 0] = values.shape;
  const data = await values.data();
  return Array.from({ length: n }, (_, k) => Array.from(data.subarray(k * width, (k + 1) * width)));
}

async function outputsOf(model: Module): Promise<Outputs> {
  const side = sideOf(model);
  const decoded = await Promise.all(
    images.map(async (path) => (await decodeImage(await fs.readFile(path), { kind: 'square', size: side })).data),
  );
  const pixels = preprocess(tensor(Buffer.concat(decoded), { shape: [images.length, side, side, 3], dtype: 'u8' }));
  model.eval();
  if (!(model instanceof CLIP))
    return { logits: await rows((model as Module & { forward(x: Tensor): Tensor }).forward(pixels)) };
  const ids = tokenizer.encodeBatch(texts, contextLength, { onTooLong: 'truncate' });
  return {
    image: await rows(model.encodeImage(pixels)),
    text: await rows(model.encodeText(tensor(ids, { shape: [texts.length, contextLength] }))),
  };
}

function expectClose(found: Outputs, expected: Outputs): void {
  for (const [name, values] of Object.entries(expected))
    for (const [k, row] of values.entries())
      expect(relativeError(Float32Array.from(found[name]?.[k] ?? []), Float32Array.from(row))).toBeLessThan(1e-5);
}

const folderOf = (name: string, library: string): string => join(scratch, `${name}-${library}`);

/** The files of a folder, with the content of those that configure it. */
async function contentsOf(folder: string): Promise<Record<string, unknown>> {
  const contents: Record<string, unknown> = {};
  for (const name of (await fs.readdir(folder)).sort())
    contents[name] = /config\.json$/.test(name) ? JSON.parse(await fs.readFile(join(folder, name), 'utf8')) : null;
  return contents;
}

const key = (name: string, library: string): string => `${name}, ${library}`;

/** Writes the folders of a case. @returns what its model computes */
async function writeAll({ build, name, to, large = false }: Case): Promise<Outputs> {
  const source = await sourceOf(build);
  for (const library of to)
    await writeFolder(folderOf(name, library), library, source, {}, ['npm run convert -- runs/first out']);
  return large && python === undefined ? {} : outputsOf(source.model);
}

describe.each(cases)('$name', (given) => {
  const { name, to } = given;

  it(`for ${to.join(', ')}: has the configuration that was accepted, and is read back with the same numbers`, async () => {
    const expected = await writeAll(given);
    const record = JSON.parse(await fs.readFile(recordPath, 'utf8'));
    for (const library of to) {
      const folder = folderOf(name, library);
      if (process.env.TESSERA_RECORD !== '1') expect(await contentsOf(folder)).toEqual(record[key(name, library)]);
      const again = await loadWeights(folder);
      expect(again.assumptions).toEqual([]);
      expect(again.classNames).toEqual(again.model instanceof CLIP ? null : classNames);
      if (given.large !== true) expectClose(await outputsOf(again.model), expected);
    }
  });
});

describe.skipIf(python === undefined)('the libraries, if TESSERA_PYTHON has them,', () => {
  it('load the folders and compute the same from the same files and texts', async () => {
    const folders: { library: string; path: string; key: string; expected: Outputs }[] = [];
    for (const given of cases) {
      const expected = await writeAll(given);
      await writeOnnxFolder(folderOf(given.name, 'onnx'), await sourceOf(given.build), []);
      for (const library of [...given.to, 'onnx'])
        folders.push({ library, path: folderOf(given.name, library), key: key(given.name, library), expected });
    }
    const request = join(scratch, 'request.json');
    await fs.writeFile(request, JSON.stringify({ images, texts, folders }));
    const { stdout } = await promisify(execFile)(python as string, [script, request], {
      maxBuffer: 2 ** 28,
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    });
    const answers = JSON.parse(stdout) as (Outputs & { names?: string[] })[];
    for (const [k, { expected }] of folders.entries()) {
      expectClose(answers[k] as Outputs, expected);
      if (answers[k]?.names !== undefined) expect(answers[k]?.names).toEqual(classNames);
    }
    if (process.env.TESSERA_RECORD !== '1') return;
    const record: Record<string, unknown> = {};
    for (const own of folders.filter(({ library }) => library !== 'onnx')) record[own.key] = await contentsOf(own.path);
    await fs.writeFile(recordPath, `${JSON.stringify(record, null, 2)}\n`);
  }, 300_000);
});

describe('refused before anything is written', () => {
  const source = (build: () => Module): Promise<Source> => sourceOf(build);
  it.each<[string, () => Module, WeightLibrary, string]>([
    [
      'a ModifiedResNet',
      () => new CLIP({ ...presets['rn-tiny-64'], text }),
      'hugging-face',
      'model.vision.kind=resnet',
    ],
    ["SigLIP's bias", () => clip({ initialLogitBias: -10 }), 'hugging-face', 'loss.kind=siglip'],
    ['an activation', () => clip({ activation: 'silu' }), 'open-clip', 'model.activation=silu'],
    ['text towers', () => clip({}), 'timm', 'timm has no text towers'],
    ['norms after blocks', () => classifier({ ...plain, norm: 'post' }), 'timm', 'model.vision.norm=post'],
    [
      'positions',
      () => classifier({ ...plain, positions: 'rotary' }),
      'timm',
      'model.vision.positions other than learned',
    ],
    ['means', () => classifier({ ...plain, readout: 'mean' }), 'hugging-face', 'model.vision.readout=mean'],
    [
      'other stems',
      () => classifier({ kind: 'plain-resnet', imageSize: 32, width: 8, layers: [1, 1, 1, 1] }),
      'timm',
      'model.vision.width=8',
    ],
    [
      'shifted windows',
      () =>
        new ImageClassifier(new Swin({ imageSize, patchSize: 2, width: 8, depths: [1], heads: [1], classes: 4 }), 3),
      'hugging-face',
      'ImageClassifier on Swin cannot be stored',
    ],
    ['classifiers in OpenCLIP', () => classifier(plain), 'open-clip', 'supported: timm, hugging-face'],
  ])('are %s', async (_, build, library, message) => {
    const folder = join(scratch, 'refused');
    await expect(writeFolder(folder, library, await source(build), {}, [])).rejects.toThrow(message);
    expect(await fs.readdir(scratch)).not.toContain('refused');
  });
});

it("the README says how to load the model, and the user's own README stays", async () => {
  const folder = folderOf('card', 'timm');
  const source = await sourceOf(() => classifier(plain));
  await writeFolder(folder, 'timm', source, {}, ['npm run convert -- runs/first card --to timm']);
  const readme = await fs.readFile(join(folder, 'README.md'), 'utf8');
  expect(readme).toContain('library_name: timm\npipeline_tag: image-classification');
  expect(readme).toContain("timm.create_model('local-dir:card-timm', pretrained=True)");
  expect(readme).toContain('3 classes, in the order of the logits: `cat`, `a "dog"`, `größer | than`');
  expect(readme).toContain('npm run convert -- runs/first card --to timm');
  await fs.writeFile(join(folder, 'README.md'), 'mine');
  const lines = await writeFolder(folder, 'timm', source, {}, []);
  expect(lines.at(-1)).toContain('README.md is your own and was left as it is');
  expect(await fs.readFile(join(folder, 'README.md'), 'utf8')).toBe('mine');
});
