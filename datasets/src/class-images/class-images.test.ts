// Oxford-IIIT Pet, Food-101 and ImageNet from made-up files in their layouts: classes, splits, and what is left out.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataset } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BuildReport, DatasetBuilder } from '../builder.ts';
import { food101 } from './food101.ts';
import { imagenet } from './imagenet.ts';
import { oxfordPets } from './pets.ts';

let root: string;
let jpeg: Buffer;
let number = 0;
let source: string;
let target: string;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-classes-'));
  jpeg = await sharp({ create: { width: 40, height: 24, channels: 3, background: '#2040c0' } })
    .jpeg()
    .toBuffer();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  source = path.join(root, `source-${++number}`);
  target = path.join(root, `built-${number}`);
});

function put(texts: Record<string, string>, images: string[]): void {
  const files = [...Object.entries(texts), ...images.map((name) => [name, jpeg] as const)];
  for (const [name, content] of files) {
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    fs.writeFileSync(path.join(source, name), content);
  }
}

/** Builds the dataset, and reads the images' names with the names of their classes, for each split. */
async function build(builder: DatasetBuilder): Promise<{ report: BuildReport; rows: Record<string, string[]> }> {
  const report = await builder.build(target, { from: source, overwrite: true });
  using dataset = await openDataset(target);
  const rows: Record<string, string[]> = {};
  for (const [name, split] of Object.entries(dataset.splits)) {
    const { label } = split.features;
    const names = label?.type === 'class' ? label.names : [];
    rows[name] = (await split.rows([...Array(split.length).keys()])).map(
      (row) => `${path.basename((row.image as { path: string }).path)}: ${names[row.label as number]}`,
    );
  }
  return { report, rows };
}

const pets = {
  'annotations/trainval.txt':
    '#Image CLASS-ID SPECIES BREED ID\nAbyssinian_1 1 1 1\namerican_bulldog_12 2 2 1\nAbyssinian_3 1 1 1\n',
  'annotations/test.txt': 'american_bulldog_7 2 2 1\n',
};
const petImages = ['Abyssinian_1', 'american_bulldog_12', 'american_bulldog_7', 'Abyssinian_9'].map(
  (name) => `images/${name}.jpg`,
);
const petRows = {
  train: ['Abyssinian_1.jpg: Abyssinian', 'american_bulldog_12.jpg: American Bulldog'],
  test: ['american_bulldog_7.jpg: American Bulldog'],
};

test('oxford-pets: breeds, species, and the archives as they were downloaded', async () => {
  put(pets, petImages);
  const { report, rows } = await build(oxfordPets);
  expect(rows).toEqual(petRows);
  expect(report.leftOut).toEqual([
    { file: 'images/Abyssinian_3.jpg', reason: 'is listed, but missing' },
    { file: 'images/Abyssinian_9.jpg', reason: 'is in none of the splits' },
  ]);
  using dataset = await openDataset(target);
  expect((await dataset.split('train').rows([0, 1])).map((row) => row.label_cat_dog)).toEqual([0, 1]);
  for (const folder of ['images', 'annotations']) {
    execFileSync('tar', ['-czf', path.join(source, `${folder}.tar.gz`), '-C', source, folder]);
    fs.rmSync(path.join(source, folder), { recursive: true });
  }
  expect((await build(oxfordPets)).rows).toEqual(petRows);
  put({ 'annotations/trainval.txt': 'Abyssinian_1 1 1 1\nBengal_1 1 1 1\n?\n', 'annotations/test.txt': '' }, []);
  await expect(build(oxfordPets)).rejects.toThrow(
    /line 2: class 1 is Bengal, but Abyssinian .*\n.*line 3: expected NAME/,
  );
});

test('food101: lists as text or JSON, and smaller images', async () => {
  const images = ['apple_pie/1', 'apple_pie/2', 'baby_back_ribs/3'].map((name) => `food-101/images/${name}.jpg`);
  put(
    {
      'food-101/meta/train.txt': 'apple_pie/1\nbaby_back_ribs/3\n',
      'food-101/meta/test.json': '{"apple_pie": ["apple_pie/2"],\n "baby_back_ribs": []}',
    },
    images,
  );
  const expected = { train: ['1.jpg: apple pie', '3.jpg: baby back ribs'], test: ['2.jpg: apple pie'] };
  expect((await build(food101)).rows).toEqual(expected);
  await food101.build(target, { from: source, overwrite: true, maxSize: 12 });
  using dataset = await openDataset(target);
  const row = (await dataset.split('test').row(0)) as unknown as { image: { bytes: Uint8Array } };
  const { width, height } = await sharp(row.image.bytes).metadata();
  expect([width, height]).toEqual([20, 12]);
  fs.rmSync(path.join(source, 'food-101/meta/test.json'));
  await expect(build(food101)).rejects.toThrow('does not contain meta/test.txt. food101 is built from food-101.tar.gz');
});

test("imagenet: class folders, Kaggle's list of validation images, and names of classes", async () => {
  const data = 'ILSVRC/Data/CLS-LOC';
  put(
    {
      'LOC_synset_mapping.txt': 'n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n',
      'LOC_val_solution.csv':
        'ImageId,PredictionString\nval_1,n01443537 1 2 3 4 n01443537 5 6 7 8 \nval_2,n01440764 1 2 3 4 \n',
    },
    [
      `${data}/train/n01443537/b.JPEG`,
      `${data}/train/n01440764/a.JPEG`,
      ...[1, 2, 3].map((k) => `${data}/val/val_${k}.JPEG`),
      `${data}/test/t.JPEG`,
    ],
  );
  const { report, rows } = await build(imagenet);
  expect(rows).toEqual({
    train: ['a.JPEG: tench, Tinca tinca', 'b.JPEG: goldfish, Carassius auratus'],
    validation: ['val_1.JPEG: goldfish, Carassius auratus', 'val_2.JPEG: tench, Tinca tinca'],
  });
  const reason = 'has no class, or one without training images';
  expect(report.leftOut).toEqual([
    { file: `${data}/test/t.JPEG`, reason },
    { file: `${data}/val/val_3.JPEG`, reason },
  ]);
});

test('imagenet: other datasets in its layout', async () => {
  await fs.promises.mkdir(source);
  await expect(build(imagenet)).rejects.toThrow('does not contain train/CLASS/IMAGE');
  put({}, ['i/train/n1/a.JPEG', 'i/train/n2/b.JPEG', 'i/val/n2/c.JPEG', 'i/val/n3/d.JPEG']);
  const { report, rows } = await build(imagenet);
  expect(rows).toEqual({ train: ['a.JPEG: n1', 'b.JPEG: n2'], validation: ['c.JPEG: n2'] });
  expect(report.leftOut?.map(({ file }) => file)).toEqual(['i/val/n3/d.JPEG']);
});
