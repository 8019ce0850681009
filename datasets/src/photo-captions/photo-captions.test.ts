// Flickr8k, Flickr30k, COCO and Conceptual Captions from made-up files in their layouts: captions, splits, and what is left out.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataset } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BuildReport, DatasetBuilder } from '../builder.ts';
import { zipFolder } from '../testing/zip-folder.ts';
import { cocoCaptions } from './coco.ts';
import { conceptualCaptions } from './conceptual.ts';
import { flickr8k, flickr30k } from './flickr.ts';

let root: string;
let jpeg: Buffer;
let number = 0;
let source: string;
let target: string;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-captions-'));
  jpeg = await sharp({ create: { width: 12, height: 8, channels: 3, background: '#c04020' } })
    .jpeg()
    .toBuffer();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  source = path.join(root, `source-${++number}`);
  target = path.join(root, `built-${number}`);
});

function put(files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    fs.writeFileSync(path.join(source, name), content);
  }
}

const pictures = (folder: string, ...names: string[]): Record<string, Buffer> =>
  Object.fromEntries(names.map((name) => [`${folder}/${name}`, jpeg]));

/** Builds the dataset, and reads the images' file names and captions of each split. */
async function build(
  builder: DatasetBuilder,
  from = source,
): Promise<{ report: BuildReport; rows: Record<string, [string, string[]][]> }> {
  const report = await builder.build(target, { from, overwrite: true });
  using dataset = await openDataset(target);
  const rows: Record<string, [string, string[]][]> = {};
  for (const [name, split] of Object.entries(dataset.splits))
    rows[name] = (await split.rows([...Array(split.length).keys()])).map(({ image, captions }) => [
      path.basename((image as { path: string }).path),
      captions as string[],
    ]);
  return { report, rows };
}

describe('flickr8k', () => {
  const text = {
    'Flickr8k.token.txt': [
      'a.jpg#0\tA child in a pink dress .',
      'a.jpg#1\tA girl going up stairs .',
      'b.jpg#0\tTwo dogs .',
      'c.jpg#0\tA man .',
      'd.jpg#0\tGone .',
      'e.jpg#0\tA boat .',
      'broken.jpg#0\tNoise .',
      '',
    ].join('\n'),
    'Flickr_8k.trainImages.txt': 'a.jpg\nd.jpg\nbroken.jpg\n',
    'Flickr_8k.devImages.txt': 'b.jpg\r\n',
    'Flickr_8k.testImages.txt': 'c.jpg\n',
  };
  const expected = {
    train: [['a.jpg', ['A child in a pink dress .', 'A girl going up stairs .']]],
    validation: [['b.jpg', ['Two dogs .']]],
    test: [['c.jpg', ['A man .']]],
  };

  test('the official files: splits, and all that is left out', async () => {
    put({
      ...text,
      ...pictures('Flicker8k_Dataset', 'a.jpg', 'b.jpg', 'c.jpg', 'e.jpg', 'f.jpg'),
      'Flicker8k_Dataset/broken.jpg': jpeg.subarray(0, 150),
    });
    const { report, rows } = await build(flickr8k);
    expect(rows).toEqual(expected);
    expect(report.leftOut).toEqual([
      { file: 'd.jpg', reason: 'is listed, but missing' },
      { file: 'Flicker8k_Dataset/broken.jpg', reason: expect.stringContaining('cannot be decoded') },
      { file: 'Flicker8k_Dataset/e.jpg', reason: 'is in none of the splits' },
      { file: 'Flicker8k_Dataset/f.jpg', reason: 'has no caption' },
    ]);
    await expect(flickr8k.build(target, { from: source, overwrite: true, strict: true })).rejects.toThrow(
      'd.jpg is listed, but missing',
    );
    fs.rmSync(path.join(source, 'Flickr_8k.devImages.txt'));
    await expect(build(flickr8k)).rejects.toThrow('does not contain Flickr_8k.devImages.txt. flickr8k is built from');
  });

  test('the archives as they were downloaded', async () => {
    put({
      ...Object.fromEntries(Object.entries(text).map(([name, content]) => [`text/${name}`, content])),
      ...pictures('images/Flicker8k_Dataset', 'a.jpg', 'b.jpg', 'c.jpg'),
      'images/__MACOSX/Flicker8k_Dataset/._a.jpg': 'resource fork',
    });
    const zip = (name: string, folder: string): void => {
      zipFolder(path.join(source, name), path.join(source, folder));
      fs.rmSync(path.join(source, folder), { recursive: true });
    };
    zip('Flickr8k_text.zip', 'text');
    zip('Flickr8k_Dataset.zip', 'images');
    expect((await build(flickr8k)).rows).toEqual(expected);
  });

  test("Kaggle's table has no splits: a hash chooses", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `${i}.jpg`);
    put({
      'captions.txt': `image,caption\n${names.map((name) => `${name},"A cat, number ${name}"\n${name},A "big" dog\n`).join('')}`,
      ...pictures('Images', ...names),
    });
    const { rows } = await build(flickr8k);
    expect(rows.train).toContainEqual(['1.jpg', ['A cat, number 1.jpg', 'A "big" dog']]);
    expect(rows.test?.length).toBeGreaterThan(0);
    expect((rows.train?.length ?? 0) + (rows.test?.length ?? 0)).toBe(30);
  });
});

describe('flickr30k', () => {
  test("Karpathy's splits", async () => {
    const image = (filename: string, split: string) => ({
      filename,
      split,
      sentences: [{ raw: ` ${filename} one ` }, { raw: 'two' }],
    });
    put({
      'dataset_flickr30k.json': JSON.stringify({
        images: [image('1.jpg', 'train'), image('2.jpg', 'val'), image('3.jpg', 'test')],
      }),
      'results.csv': 'not read',
      ...pictures('flickr30k-images', '1.jpg', '2.jpg', '3.jpg'),
    });
    expect((await build(flickr30k)).rows).toEqual({
      train: [['1.jpg', ['1.jpg one', 'two']]],
      validation: [['2.jpg', ['2.jpg one', 'two']]],
      test: [['3.jpg', ['3.jpg one', 'two']]],
    });
  });

  test('results.csv with its line without a second bar, and the file of tokens', async () => {
    put({
      'results.csv':
        'image_name| comment_number| comment\n1.jpg| 0| Two men | friends .\n1.jpg| 4   A dog runs .\n2.jpg| 0| A tree .\n',
      ...pictures('flickr30k_images', '1.jpg', '2.jpg'),
    });
    const expected = [
      ['1.jpg', ['Two men | friends .', 'A dog runs .']],
      ['2.jpg', ['A tree .']],
    ];
    const rowsOf = async () =>
      Object.values((await build(flickr30k)).rows)
        .flat()
        .sort();
    expect(await rowsOf()).toEqual(expected);
    put({ 'results_20130124.token': '1.jpg#0\tTwo men | friends .\n1.jpg#1\tA dog runs .\n2.jpg#0\tA tree .\n' });
    expect(await rowsOf()).toEqual(expected);
    put({ 'results_20130124.token': '1.jpg#0\tA dog .\n2.jpg A tree .\n' });
    await expect(build(flickr30k)).rejects.toThrow('line 2: expected an image and a caption, found "2.jpg A tree ."');
  });
});

describe('coco-captions', () => {
  const captions = (...images: [id: number, file: string, ...texts: string[]][]): string =>
    JSON.stringify({
      images: images.map(([id, file_name]) => ({ id, file_name })),
      annotations: images.flatMap(([image_id, , ...texts]) => texts.map((caption) => ({ image_id, caption }))),
    });

  test('the files of 2017', async () => {
    put({
      'coco/annotations/captions_train2017.json': captions(
        [9, '000009.jpg', 'A bowl.\n', 'Food.'],
        [25, '000025.jpg', 'Giraffes.'],
      ),
      'coco/annotations/captions_val2017.json': captions([139, '000139.jpg', 'A room.'], [7, '000007.jpg']),
      ...pictures('coco/train2017', '000009.jpg', '000025.jpg'),
      ...pictures('coco/val2017', '000139.jpg', '000007.jpg'),
    });
    const { report, rows } = await build(cocoCaptions);
    expect(rows).toEqual({
      train: [
        ['000009.jpg', ['A bowl.', 'Food.']],
        ['000025.jpg', ['Giraffes.']],
      ],
      validation: [['000139.jpg', ['A room.']]],
    });
    expect(report.leftOut).toEqual([{ file: 'coco/val2017/000007.jpg', reason: 'has no caption' }]);
  });

  test('a split whose images are not there is left out by name', async () => {
    put({
      'annotations/captions_train2017.json': captions([1, '1.jpg', 'A.'], [2, '2.jpg', 'B.']),
      'annotations/captions_val2017.json': captions([3, '3.jpg', 'C.']),
      ...pictures('val2017', '3.jpg'),
    });
    const { report, rows } = await build(cocoCaptions);
    expect(rows).toEqual({ validation: [['3.jpg', ['C.']]] });
    expect(report.leftOut).toEqual([
      { file: 'annotations/captions_train2017.json', reason: 'none of its 2 images, train2017/*.jpg, are there' },
    ]);
    put({ 'annotations/captions_val2017.json': captions([3, '3.jpg', 'C.']).slice(0, -1) });
    await expect(build(cocoCaptions)).rejects.toThrow('annotations/captions_val2017.json cannot be read as JSON');
  });
});

describe('conceptual-captions', () => {
  // CRC-32 from Python: zlib.crc32(b'http://a/1.jpg'), zlib.crc32(b'http://a/2.png').
  test('images by the checksum of their addresses', async () => {
    put({
      'Train_GCC-training.tsv': 'a very old car\thttp://a/1.jpg\nthe sea\thttp://a/2.png\nlost\thttp://a/3.jpg\n',
      ...pictures('training', '0_1911374777', '4089258000.jpg'),
    });
    const { report, rows } = await build(conceptualCaptions);
    expect(rows).toEqual({
      train: [
        ['0_1911374777', ['a very old car']],
        ['4089258000.jpg', ['the sea']],
      ],
    });
    expect(report.leftOut).toEqual([{ file: 'http://a/3.jpg', reason: 'is listed, but missing' }]);
  });

  test("a download program's table", async () => {
    put({
      'Train-GCC-training_output.csv': 'title\tfilepath\ta\nan old car\tcc/train/7.jpg\t1\n',
      'Validation_GCC-1.1.0-Validation_output.csv': 'title\tfilepath\nthe sea\tcc/val/8.jpg\n',
      ...pictures('cc/train', '7.jpg'),
      ...pictures('cc/val', '8.jpg'),
    });
    expect((await build(conceptualCaptions)).rows).toEqual({
      train: [['7.jpg', ['an old car']]],
      validation: [['8.jpg', ['the sea']]],
    });
  });
});
