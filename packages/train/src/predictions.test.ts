/** What a model of each task says of single images, or why it says nothing. The models are not trained. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMask, encodePng, openDataset, type Split } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { writeTinyScenes } from '@tessera/data/testing/tiny-scenes';
import { manualSeed } from '@tessera/tensor';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from './load-config.ts';
import { LoadedModel } from './loaded-model.ts';
import { drawPrediction } from './predict/draw-prediction.ts';
import type { Prediction, PredictionRequest } from './predict/prediction.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { taskNamed, tasks } from './tasks/index.ts';
import { useTestBackend } from './testing/backend.ts';

interface Case {
  readonly preset?: string;
  readonly set: readonly string[];
  readonly data?: 'labels' | 'scenes';
  readonly request?: PredictionRequest;
  /** The kind of the answers; or a part of the sentence that says why there are none. */
  readonly says: Prediction['kind'] | { readonly nothing: string };
}

const vit = 'width: 8, layers: 1, heads: 2';
const classifier = `model={embedDim: 8, vision: {kind: vit, imageSize: 16, patchSize: 8, ${vit}}}`;
const towers = [
  `model.vision={imageSize: 16, patchSize: 8, ${vit}}`,
  'model.text={contextLength: 8, width: 8, layers: 1, heads: 2}',
];

/** A case of each task, by its name; a task with two kinds of targets has two. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  contrastive: [
    { preset: 'tiny', set: ['tokenizer.vocabularySize=540'], request: { texts: ['a', 'b'] }, says: 'texts' },
    { preset: 'tiny', set: ['tokenizer.vocabularySize=540'], request: { classes: ['a', 'b'] }, says: 'class' },
  ],
  classify: [{ set: [classifier], says: 'class' }],
  'multi-label': [{ preset: 'emoji-tags', set: [classifier], says: 'tags' }],
  vq: [
    {
      preset: 'emoji-vq',
      set: ['model={imageSize: 16, patchSize: 4, width: 8, blocks: 1, codes: 8, codeWidth: 4}'],
      says: 'tokens',
    },
  ],
  mae: [
    {
      preset: 'mae',
      set: [`model={imageSize: 16, ${vit}, decoder: {${vit}}}`],
      says: { nothing: 'a masked autoencoder learns without labels' },
    },
  ],
  segment: [
    { preset: 'segment', set: [`model={imageSize: 16, patchSize: 8, ${vit}, features: [-1]}`], says: 'mask' },
    {
      preset: 'segment',
      data: 'scenes',
      set: [`model={imageSize: 16, patchSize: 8, ${vit}, features: [-1]}`],
      says: 'mask',
    },
  ],
  detect: [
    {
      preset: 'detect',
      set: ['data.pictureSize=12', `model={imageSize: 24, patchSize: 8, ${vit}}`],
      request: { scoreThreshold: 0, iouThreshold: 1 },
      says: 'objects',
    },
    {
      preset: 'detect',
      data: 'scenes',
      set: [`model={imageSize: 24, patchSize: 8, ${vit}}`],
      request: { scoreThreshold: 0, iouThreshold: 1 },
      says: 'objects',
    },
  ],
  distill: [
    {
      preset: 'deit',
      set: [`model={imageSize: 16, patchSize: 8, ${vit}}`, 'teacher={checkpoint: teacher}'],
      says: 'class',
    },
  ],
  navit: [
    {
      preset: 'navit',
      set: [
        'data={imageSize: 16, sizes: [[8, 8], [16, 12]]}',
        `model={${vit}, patchSize: 4, maxTokens: 16, sequenceLength: 24}`,
      ],
      says: 'class',
    },
  ],
  tiles: [
    {
      preset: 'tiles',
      set: [
        'data={pictureSize: 12, sceneSize: [16, 24]}',
        `model={tileSize: 8, patchSize: 4, ${vit}, readerLayers: 1}`,
      ],
      says: 'class',
    },
  ],
  caption: [{ preset: 'caption', set: towers, says: 'caption' }],
  question: [
    {
      preset: 'multimodal-concat',
      set: [...towers, 'model.dim=8', 'model.heads=2', 'data.columns.property=label', 'data.question="is this a {}?"'],
      request: { questions: ['is this a bar?', 'is this a circle?'] },
      says: 'answers',
    },
  ],
};

let root: string;
const open: Partial<Record<'labels' | 'scenes', Split>> = {};

beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'predictions-'));
  await writeTinyDataset(join(root, 'labels'), { copies: 1 });
  await writeTinyScenes(join(root, 'scenes'));
  for (const name of ['labels', 'scenes'] as const) open[name] = (await openDataset(join(root, name))).split('train');
});
afterAll(async () => {
  for (const split of Object.values(open)) split.close();
  await fs.rm(root, { recursive: true });
});

/** An image of 20 x 30 pixels that is not the same anywhere. */
const [width, height] = [20, 30];
const file = encodePng(
  Uint8Array.from({ length: width * height * 3 }, (_, k) => (k * 37 + (k % 7) * 50) % 256),
  width,
  height,
  3,
);

/** An untrained model of a task. */
async function modelOf(name: string, { preset, set, data = 'labels' }: Case): Promise<LoadedModel> {
  manualSeed(1);
  const config = await loadConfig({
    ...(preset !== undefined && { preset }),
    set: [`task=${name}`, 'data.workers=0', ...set],
  });
  const task = taskNamed(name);
  const folder = new RunFolder(await fs.mkdtemp(join(root, 'run-')));
  const prepared = await task.prepare(config, false, () => undefined);
  const subject = await prepared.create({
    config: prepared.config,
    train: open[data] as Split,
    evaluationSplits: [],
    folder,
    say: () => undefined,
    trainFirst: () => Promise.reject(new Error('another model is not trained here')),
    loadModel: () => modelOf('classify', (cases.classify as readonly Case[])[0] as Case),
  });
  if (subject === null) throw new Error('there is no model');
  return new LoadedModel({ task, config: prepared.config, subject });
}

const total = (values: readonly { readonly probability: number }[]): number =>
  values.reduce((sum, { probability }) => sum + probability, 0);

/** What must be true of each kind of answer about the image, whatever the model has learned. */
const rules: { readonly [K in Prediction['kind']]: (answer: Extract<Prediction, { kind: K }>) => void } = {
  class: ({ classes }) => expect(total(classes)).toBeCloseTo(1, 6),
  tags: ({ classes }) => {
    expect(classes.map(({ name }) => name).sort()).toEqual(['bar', 'blue', 'circle', 'green', 'red', 'square']);
    for (const { probability } of classes) expect(probability > 0 && probability < 1).toBe(true);
  },
  texts: ({ texts }) => {
    expect(texts.map(({ name }) => name).sort()).toEqual(['a', 'b']);
    expect(total(texts)).toBeCloseTo(1, 6);
  },
  caption: ({ caption }) => expect(typeof caption).toBe('string'),
  answers: ({ answers }) => {
    expect(answers.map(({ question }) => question)).toEqual(['is this a bar?', 'is this a circle?']);
    for (const { name, probability } of answers) expect(['yes', 'no'].includes(name) && probability >= 0.5).toBe(true);
  },
  objects: ({ objects }) => {
    // With these thresholds, each of the 3 x 3 patches has its box.
    expect(objects).toHaveLength(9);
    const scores = objects.map(({ probability }) => probability);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const { box } of objects) {
      const [left, top, right, bottom] = box;
      expect(0 <= left && left < right && right <= width && 0 <= top && top < bottom && bottom <= height).toBe(true);
    }
    // Untrained, each box begins at its patch, 1/3 of the image's sides.
    const [{ box: first } = { box: [0, 0, 0, 0] }] = objects;
    expect((first[2] - first[0]) / width).toBeCloseTo(1 / 3, 0);
    expect((first[3] - first[1]) / height).toBeCloseTo(1 / 3, 0);
  },
  mask: ({ mask, classes }) => {
    expect([mask.height, mask.width, mask.data.length]).toEqual([16, 16, 256]);
    expect(mask.place).toMatchObject({ width, height });
    for (const { label, share } of classes)
      expect(mask.data.filter((each) => each === label).length / 256).toBeCloseTo(share, 12);
    expect(classes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  },
  tokens: ({ tokens, grid, reconstruction }) => {
    expect([grid, tokens.length, reconstruction.pixels.length]).toEqual([[4, 4], 16, 16 * 16 * 3]);
    for (const token of tokens) expect(Number.isInteger(token) && token >= 0 && token < 8).toBe(true);
  },
};
const check = (answer: Prediction): void => (rules[answer.kind] as (answer: Prediction) => void)(answer);

describe('single images', () => {
  it('the cases are of all tasks', () => {
    expect(Object.keys(cases).sort()).toEqual(tasks.map(({ name }) => name).sort());
  });

  it.each(
    Object.entries(cases).flatMap(([name, list]) => list.map((one) => [name, one.data ?? 'labels', one] as const)),
  )('%s, of %s', async (name, _, { request = {}, says, ...built }) => {
    using model = await modelOf(name, { says, ...built });
    if (typeof says === 'object') {
      await expect(model.predict([file], request)).rejects.toThrow(says.nothing);
      return;
    }
    const [alone] = await model.predict([file], request);
    if (alone === undefined || alone.kind !== says) throw new Error(`expected ${says}, got ${alone?.kind}`);
    check(alone);
    // Damaged images are named, and change nothing for the others.
    const settled = await model.predictSettled([file, Uint8Array.of(1, 2), file], request);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(settled[1]).toMatchObject({ reason: { message: expect.stringContaining('image 1: cannot be decoded') } });
    for (const result of [settled[0], settled[2]]) if (result?.status === 'fulfilled') check(result.value);
    await expect(model.predict([file, Uint8Array.of(1, 2)], request)).rejects.toThrow('image 1: cannot be decoded');
    // Words are not drawn; all else is.
    const drawn = await drawPrediction(file, alone);
    const { predictor } = model.subject;
    expect(drawn.length > 0).toBe('predict' in predictor && predictor.draws === true);
    for (const { png } of drawn) expect((await sharp(png).metadata()).format).toBe('png');
    if (alone.kind === 'mask') {
      const [stored] = drawn;
      const mask = await decodeMask(stored?.png ?? Buffer.of());
      expect([mask.width, mask.height]).toEqual([width, height]);
      // Of a square in the center, five rows above and below it are not covered.
      const { top } = alone.mask.place.box;
      expect(mask.data.filter((label) => label === 255).length).toBe(2 * top * width);
      expect(top).toBe(built.data === 'scenes' ? 0 : 5);
    }
  });
});

it('boxes are drawn where they are, and masks in the colors of their classes', async () => {
  const white = encodePng(new Uint8Array(64 * 64 * 3).fill(255), 64, 64, 3);
  const [{ png } = { png: Buffer.of() }] = await drawPrediction(white, {
    kind: 'objects',
    threshold: 0.3,
    objects: [{ name: '<square> & "co"', label: 0, probability: 0.87, box: [16, 32, 48, 60] }],
  });
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  // Small images are enlarged ten times.
  expect([info.width, info.height]).toEqual([640, 640]);
  const at = (x: number, y: number): number[] => [...data.subarray((y * 640 + x) * 3, (y * 640 + x) * 3 + 3)];
  const edge = at(160, 450);
  expect(edge).not.toEqual([255, 255, 255]);
  expect([at(479, 450), at(300, 599)]).toEqual([edge, edge]);
  expect([at(170, 450), at(300, 610), at(100, 100)]).toEqual(Array(3).fill([255, 255, 255]));
});
