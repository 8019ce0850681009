// The benchmark loader: its photographs, its stages and its tables.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatLoaders } from '../report/loader.ts';
import type { LoaderRow } from './loader.ts';
import { measureStages } from './loader-stages.ts';
import { writePhotographs } from './photographs.ts';

let folder: string;
let written: { readonly dataset: string; readonly files: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'photographs-'));
  written = await writePhotographs(folder, 3);
});
afterAll(() => rm(folder, { recursive: true }));

test('photographs are JPEG files of several sizes, and the rows of a dataset with the same bytes', async () => {
  using dataset = await openDataset(written.dataset);
  const split = dataset.split('train');
  const names = (await readdir(written.files)).sort();
  expect(names).toEqual(['00000.jpg', '00001.jpg', '00002.jpg']);
  const sizes = new Set<string>();
  for (const [row, name] of names.entries()) {
    const bytes = await readFile(join(written.files, name));
    expect((await split.row(row, ['image'])).image).toMatchObject({ bytes: new Uint8Array(bytes), path: name });
    const { format, width, height } = await sharp(bytes).metadata();
    expect(format).toBe('jpeg');
    sizes.add(`${width} x ${height}`);
  }
  expect([...sizes]).toEqual(['500 x 375', '500 x 400', '375 x 500']);
});

test('every stage takes time', async () => {
  using dataset = await openDataset(written.dataset);
  const stages = await measureStages(dataset.split('train'), 32, 4);
  expect(stages.map(({ stage }) => stage.split(' ')[0])).toEqual([
    ...['read', 'decode', 'resample', 'resample', 'resample', 'transfer'],
  ]);
  for (const { stage, ms } of stages) expect(ms, stage).toBeGreaterThan(0);
});

test('the table names each loader with its speed, CPU time and ratio', () => {
  const row: LoaderRow = {
    ...{ augmentation: 'clip', library: 'torchvision', version: '0.29', workers: 2, cached: false, output: 'f32' },
    ...{ imagesPerSecond: 371.6, bestImagesPerSecond: 380, cpuMs: null, ratio: 1.456, disagreement: null },
  };
  const report = { images: 8, imageSize: 224, batchSize: 4, rows: [row], stages: [{ stage: 'read', ms: 0.123 }] };
  const text = formatLoaders(report);
  expect(text).toMatch(/clip +torchvision 0\.29 +2 +decoded +f32 +372 +380 +1\.46/);
  expect(text).toMatch(/read +0\.12/);
});
