// A folder of images that is opened itself has the rows that build-dataset writes, and leaves out the same files.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  augmentations,
  type Batch,
  DataLoader,
  type Dataset,
  openDataset,
  type Row,
  usualColumns,
} from '@tessera/data';
import type { LeftOut } from '@tessera/data/folder';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildFromFolder } from './index.ts';

let root: string;
let pngs: Buffer[];
let jpeg: Buffer;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-direct-'));
  const plain = (red: number) =>
    sharp({ create: { width: 24, height: 18, channels: 3, background: { r: red, g: 99, b: 20 } } });
  pngs = await Promise.all(
    Array.from({ length: 24 }, (_, k) =>
      plain(k * 10)
        .png()
        .toBuffer(),
    ),
  );
  jpeg = await plain(200).jpeg().toBuffer();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const png = (k: number): Buffer => pngs[k] as Buffer;

function put(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const folder = path.join(root, name);
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), content);
  }
  return folder;
}

async function rowsOf(dataset: Dataset): Promise<Record<string, Row[]>> {
  const splits = Object.values(dataset.splits);
  return Object.fromEntries(
    await Promise.all(splits.map(async (split) => [split.name, await split.rows([...Array(split.length).keys()])])),
  );
}

const broken = (): Record<string, Buffer | string> => ({
  'cat/empty.png': '',
  'cat/page.jpg': '<html>404</html>',
  'cat/short.jpg': jpeg.subarray(0, jpeg.length - 30),
  'dog/short.png': png(3).subarray(0, 60),
  'dog/notes.txt': 'hello',
});

const classes = (): Record<string, Buffer | string> => ({
  ...Object.fromEntries(Array.from({ length: 20 }, (_, k) => [`${k % 2 ? 'cat' : 'dog'}/${k}.png`, png(k)])),
  ...broken(),
  'dog/photo.jpg': jpeg,
});

const table = (ending: string): Record<string, Buffer | string> => {
  const rows = Array.from({ length: 16 }, (_, k) => [`${k % 5}.png`, `caption ${k % 3}`, `${k % 5}`, `${(k % 5) / 2}`]);
  const separator = ending === 'tsv' ? '\t' : ',';
  return {
    [`captions.${ending}`]: [['file_name', 'text', 'width', 'score'], ...rows]
      .map((row) => row.join(separator))
      .join('\n'),
    ...Object.fromEntries([0, 1, 2, 3, 4, 9].map((k) => [`${k}.png`, png(k)])),
  };
};

const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

const forms: Readonly<Record<string, () => Record<string, Buffer | string>>> = {
  'class folders': classes,
  'class folders in splits': () => ({
    'train/a/1.png': png(1),
    'train/b/2.png': png(2),
    'val/b/3.png': png(3),
    'test/a/4.png': png(4),
    'test/a/bad.png': 'bad',
  }),
  'captions.csv': () => table('csv'),
  'captions.tsv': () => table('tsv'),
  'metadata.jsonl in splits': () => ({
    'train/metadata.jsonl': lines([
      { file_name: 'a.png', captions: ['one', 'two'], label: 'x', width: 3, extra: { deep: 1 } },
      { file_name: 'b.png', captions: 'One', label: 'y', width: null, extra: 4 },
    ]),
    'train/a.png': png(1),
    'train/b.png': png(2),
    'test/metadata.jsonl': lines([{ file_name: 'in/c.png', captions: 'three', label: 'x', width: 5 }]),
    'test/in/c.png': png(3),
  }),
  'metadata.csv with labels and splits': () => ({
    'metadata.csv': 'image,label,split\na.png,x,train\nb.png,y,train\nc.png,x,validation\n',
    'a.png': png(0),
    'b.png': png(1),
    'c.png': jpeg,
  }),
};

describe.each(Object.keys(forms))('%s', (form) => {
  test('the same rows in the same order, and the same files are left out', async () => {
    const folder = put(form, (forms[form] as () => Record<string, string>)());
    const report = await buildFromFolder(folder, path.join(root, 'built', form));
    using direct = await openDataset(folder);
    using built = await openDataset(report.path);
    expect(Object.keys(direct.splits)).toEqual(Object.keys(built.splits));
    expect(await rowsOf(direct)).toEqual(await rowsOf(built));
    for (const [name, { features }] of Object.entries(built.splits))
      expect(direct.split(name).features).toEqual(features);
    // The decoder collects the details of its messages from all images that are decoded at the same time.
    const brief = (files: readonly LeftOut[]) => files.map(({ file, reason }) => [file, reason.replace(/:.*/s, '')]);
    expect(brief(direct.leftOut)).toEqual(brief([...report.skipped, ...report.leftOut]));
    expect(direct.info.description).toBe(built.info.description);
  });
});

test('the other columns of a table stay columns, with their types; a column that is not read is named', async () => {
  using direct = await openDataset(put('columns', { ...table('csv') }));
  expect(direct.split('train').features).toMatchObject({
    width: { type: 'value', dtype: 'int64' },
    score: { type: 'value', dtype: 'float64' },
  });
  using varied = await openDataset(
    put('varied', { 'captions.csv': 'image,caption,n\na.png,one,1\na.png,two,2\n', 'a.png': png(0) }),
    { folder: { testShare: 0 } },
  );
  expect(varied.split('train').columns).toEqual(['image', 'captions', 'concept']);
  expect(varied.leftOut).toEqual([
    {
      file: 'captions.csv',
      reason: 'the column "n" is not read: it has different values in the rows of one image, a.png',
    },
  ]);
});

const columns = { image: usualColumns.image, label: usualColumns.label } as const;

test.each([0, 2])('batches with %i workers are those of the built dataset', async (workers) => {
  const folder = put('batches', classes());
  const target = path.join(root, 'built', `batches-${workers}`);
  await buildFromFolder(folder, target);
  const read = async (location: string): Promise<Batch<typeof columns>[]> => {
    using dataset = await openDataset(location);
    const options = {
      columns,
      batchSize: 4,
      imageSize: 16,
      seed: 3,
      shuffle: true,
      workers,
      augment: augmentations.clip,
    };
    await using loader = new DataLoader(dataset.split('train'), options);
    const batches = [];
    for await (const batch of loader.epoch(1)) batches.push(batch);
    return batches;
  };
  const batches = await read(folder);
  expect(batches.length).toBeGreaterThan(3);
  expect(batches).toEqual(await read(target));
});

describe('refused', () => {
  test('a table with problems, all of them; no image that decodes; with strict, the first that does not', async () => {
    const wrong = put('wrong', { 'captions.csv': 'image,caption\nb.png,x\na.png,\n', 'a.png': png(0) });
    await expect(openDataset(wrong)).rejects.toThrow(
      'captions.csv: 2 problems, nothing was read:\n  line 2: b.png does not exist\n  line 3: the caption ("caption") is empty',
    );
    const nothing = put('nothing', { 'cat/a.png': 'x', 'cat/b.jpg': '' });
    await expect(openDataset(nothing)).rejects.toThrow('none of its 2 images can be decoded; the first one, cat/a.png');
    await expect(openDataset(put('strict', classes()), { strict: true })).rejects.toThrow(
      'empty.png: cannot be decoded',
    );
    fs.mkdirSync(path.join(root, 'texts/inner'), { recursive: true });
    fs.writeFileSync(path.join(root, 'texts/inner/a.txt'), 'x');
    await expect(openDataset(path.join(root, 'texts'))).rejects.toThrow('texts: is not a dataset');
  });

  test('an image that changes or goes away during the run', async () => {
    const folder = put('changing', { 'x/a.png': png(0), 'x/b.png': png(1) });
    using dataset = await openDataset(folder, { folder: { testShare: 0 } });
    fs.writeFileSync(path.join(folder, 'x/a.png'), jpeg);
    fs.rmSync(path.join(folder, 'x/b.png'));
    await expect(dataset.split('train').row(0)).rejects.toThrow('a.png: changed while it was in use');
    await expect(dataset.split('train').row(1)).rejects.toThrow('b.png: was removed while it was in use');
    // The labels are not in the image files.
    expect(await dataset.split('train').column('label')).toEqual([0, 0]);
  });
});
