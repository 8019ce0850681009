// What inspect counts: sizes, formats, captions, classes, numbers, repetitions, and what cannot be read.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feature } from '../../arrow/features.ts';
import { writeDataset } from '../../arrow/writer.ts';
import { inspectDataset } from './index.ts';
import { quantilesOf } from './quantiles.ts';

let root: string;
const at = (name: string): string => path.join(root, name);

const image = (width: number, height: number, format: 'png' | 'jpeg', color: string): Promise<Buffer> =>
  sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#fff"/><rect width="40%" height="70%" fill="${color}"/><rect x="50%" y="60%" width="30%" height="20%"/></svg>`,
    ),
  )
    .toFormat(format)
    .toBuffer();

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'tessera-inspect-'));
  const small = await image(20, 10, 'png', '#d22');
  const rotated = await sharp(await image(60, 40, 'jpeg', '#2d2'))
    .withMetadata({ orientation: 6 })
    .toBuffer();
  const truncated = (await image(200, 200, 'jpeg', '#22d')).subarray(0, 400);
  const rows = [
    { image: { bytes: small, path: 'a.png' }, captions: ['a red cat', 'the red thing'], label: 0, score: 0.5 },
    { image: { bytes: rotated, path: 'b.jpg' }, captions: ['ein grüner 🦁'], label: 2, score: null },
    { image: { bytes: small, path: 'c.png' }, captions: [' a red CAT', 'The red thing'], label: 0, score: -1 },
    { image: { bytes: truncated, path: 'd.jpg' }, captions: ['word '.repeat(80)], label: -1, score: 3 },
    { image: null, captions: [' '], label: null, score: Number.NaN },
    { image: { bytes: Buffer.from('text'), path: 'e' }, captions: null, label: 0, score: 4 },
  ];
  const features = {
    image: feature.image(),
    captions: feature.list(feature.value('string')),
    label: feature.classLabel(['cat', 'dog', 'bird']),
    score: feature.value('float64'),
  };
  const test = [{ image: { bytes: small, path: 'z.png' }, captions: ['new'], label: 1, score: 0 }];
  const info = { description: 'made up', license: 'CC0' };
  await writeDataset(at('data'), { features, info }, { train: rows, test });
});
afterAll(() => fs.rmSync(root, { recursive: true }));

test('files, columns and statistics of each split', async () => {
  const seen: number[] = [];
  const { report } = await inspectDataset(at('data'), { onProgress: ({ done, total }) => seen.push(done / total) });
  expect(seen.at(-1)).toBe(1);
  expect(report).toMatchObject({
    path: at('data'),
    formats: ['arrow'],
    info: { description: 'made up', license: 'CC0' },
    columns: { image: 'image', captions: 'list of string', label: 'one of 3 classes', score: 'float64' },
    features: { label: { _type: 'ClassLabel', names: ['cat', 'dog', 'bird'] } },
  });
  const [train, other] = report.splits;
  expect(train).toMatchObject({ name: 'train', rows: 6, files: 1, blocks: { count: 1, mostRows: 6 } });
  const { pictures, captions, labels, numbers, duplicates } = train?.statistics ?? {};
  expect(pictures).toMatchObject({
    column: 'image',
    formats: { png: 2, jpeg: 2, unknown: 1 },
    // The camera's orientation is applied.
    width: { count: 3, min: 20, max: 40 },
    height: { min: 10, max: 60 },
    missing: 1,
    unreadable: 2,
    problems: [
      { row: 3, name: 'd.jpg' },
      { row: 5, name: 'e' },
    ],
  });
  expect(captions).toMatchObject({
    column: 'captions',
    texts: 7,
    empty: 2,
    characters: { min: 1, max: 400 },
    tokens: { max: 82 },
    cut: 1,
  });
  expect(captions?.words[0]).toEqual({ word: 'word', count: 80 });
  expect(captions?.words[1]).toEqual({ word: 'red', count: 4 });
  expect(labels).toEqual([
    {
      column: 'label',
      classes: 3,
      missing: 2,
      counts: [
        { name: 'cat', rows: 3 },
        { name: 'bird', rows: 1 },
        { name: 'dog', rows: 0 },
      ],
    },
  ]);
  expect(numbers).toMatchObject([{ column: 'score', missing: 1, values: { count: 4, min: -1, max: 4 } }]);
  expect(duplicates).toEqual({
    samePicture: 1,
    similarPicture: 0,
    sameCaption: 1,
    otherSplit: 0,
    examples: [
      { row: 2, reason: 'same picture', distance: null, of: { split: 'train', row: 0 } },
      { row: 2, reason: 'same caption', distance: null, of: { split: 'train', row: 0 } },
    ],
  });
  expect(other?.statistics.duplicates).toMatchObject({ samePicture: 1, otherSplit: 1 });
});

test('rows to look at have their pictures at one size, labels and captions', async () => {
  const { samples } = await inspectDataset(at('data'), { splits: ['train'], samples: 10, side: 32 });
  const train = samples.train ?? [];
  expect(Object.keys(samples)).toEqual(['train']);
  expect(train.map(({ row, labels, caption, pixels }) => [row, labels, caption, pixels?.length ?? null])).toEqual([
    [0, ['cat'], 'a red cat', 32 * 32 * 3],
    [1, ['bird'], 'ein grüner 🦁', 32 * 32 * 3],
    [2, ['cat'], ' a red CAT', 32 * 32 * 3],
    [3, [], 'word '.repeat(80), null],
    [4, [], ' ', null],
    [5, ['cat'], '', null],
  ]);
  // A wide picture is in the middle; above it is gray.
  expect([...(train[0]?.pixels?.subarray(0, 3) ?? [])]).toEqual([240, 240, 236]);
});

test('a part of the rows, and other formats', async () => {
  const file = path.join(import.meta.dirname, '../../../data-files/pictures/pictures-ustar.tar');
  const { report } = await inspectDataset(file, { rows: 3 });
  expect([report.formats, report.splits[0]?.rows, report.splits[0]?.statistics.rows]).toEqual([['tar'], 6, 3]);
  const everything = await inspectDataset(file, { rows: 3, all: true });
  expect(everything.report.splits[0]?.statistics.rows).toBe(6);
  await expect(inspectDataset(file, { splits: ['test'] })).rejects.toThrow('no split "test"');
});

test('quantiles are values by nearest rank', () => {
  expect(quantilesOf([])).toBeNull();
  expect(quantilesOf([5])).toEqual({ count: 1, min: 5, p10: 5, median: 5, p90: 5, max: 5 });
  const hundred = Array.from({ length: 100 }, (_, k) => 100 - k);
  expect(quantilesOf(hundred)).toEqual({ count: 100, min: 1, p10: 10, median: 50, p90: 90, max: 100 });
});
