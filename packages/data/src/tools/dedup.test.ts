// Removal of duplicates: equal files, similar pictures, captions, names, and rows of another dataset.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feature } from '../arrow/features.ts';
import { writeDataset } from '../arrow/writer.ts';
import { openDataset } from '../dataset/dataset.ts';
import { type DedupOptions, type DedupReport, dedupDataset } from './dedup.ts';

let root: string;
const at = (name: string): string => path.join(root, name);

/** A drawing that is not symmetric, in a color. */
const drawing = (seed: number, color: string): Promise<Buffer> => {
  const shapes = Array.from({ length: 5 }, (_, k) => {
    const place = (step: number): number => (seed * 37 + k * step) % 48;
    return `<rect x="${place(13)}" y="${place(29)}" width="${6 + place(7) / 4}" height="${6 + place(11) / 3}" fill="${k % 2 === 0 ? color : '#335'}"/>`;
  });
  return sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="#fff"/>${shapes.join('')}</svg>`,
    ),
  )
    .png()
    .toBuffer();
};

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'tessera-dedup-'));
  const [red, blue, other] = await Promise.all([drawing(1, '#d22'), drawing(1, '#22d'), drawing(2, '#d22')]);
  const jpeg = await sharp(red).resize(200).jpeg({ quality: 70 }).toBuffer();
  const broken = Buffer.from('not an image');
  const rows = [
    { image: red, caption: 'Red  bars', key: 'a' },
    { image: other, caption: 'other bars', key: 'b' },
    { image: red, caption: 'bars, again', key: 'a' },
    { image: blue, caption: 'red bars', key: 'c' },
    { image: jpeg, caption: 'red bars ', key: 'd' },
    { image: broken, caption: '', key: null },
    { image: broken, caption: '', key: null },
    { image: null, caption: null, key: '' },
    { image: null, caption: null, key: '' },
  ];
  const features = { image: feature.image(), caption: feature.value('string'), key: feature.value('string') };
  await writeDataset(at('data'), { features }, { train: rows, test: [{ image: jpeg, caption: 'x', key: 'e' }] });
  await writeDataset(at('others'), { features }, { test: [{ image: other, caption: 'OTHER BARS', key: 'z' }] });
});
afterAll(() => fs.rmSync(root, { recursive: true }));

let runs = 0;
async function dedup(options: DedupOptions): Promise<{ report: DedupReport; removed: string[] }> {
  const report = await dedupDataset(at('data'), at(`out-${runs++}`), options);
  const removed = report.removed.map(
    ({ split, row, reason, of }) => `${split} ${row}: ${reason} as ${of.split} ${of.row}`,
  );
  return { report, removed };
}

test('pictures: equal files and similar ones, across splits; other colors are no duplicates', async () => {
  const { report, removed } = await dedup({});
  expect(removed).toEqual([
    'train 2: same picture as train 0',
    'train 4: similar picture as train 0',
    'train 6: same picture as train 5',
    'test 0: similar picture as train 0',
  ]);
  expect([report.splits, report.undecodable]).toEqual([{ train: 6, test: 0 }, 2]);
  using kept = await openDataset(report.path);
  expect(await kept.split('train').column('key')).toEqual(['a', 'b', 'c', null, '', '']);
  const lines = fs.readFileSync(report.report, 'utf8').trim().split('\n');
  expect(lines[0]).toBe('split,row,reason,different_bits,kept_in,kept_split,kept_row');
  expect(lines[1]).toBe(`train,2,same picture,,${at('data')},train,0`);
  expect(lines[2]).toMatch(/^train,4,similar picture,[0-4],/);
  expect(lines.length).toBe(5);
});

test.each([
  [
    { distance: null },
    ['train 2: same picture as train 0', 'train 6: same picture as train 5', 'test 0: same picture as train 4'],
  ],
  [{ by: 'caption' }, ['train 3: same caption as train 0', 'train 4: same caption as train 0']],
  [{ by: 'both' }, ['train 4: similar picture, same caption as train 0']],
  [{ by: 'key' }, ['train 2: same key as train 0']],
  [{ by: 'key', key: 'caption' }, []],
  [{ splits: ['test'] }, []],
  // Rows are named by their numbers in the source, whichever were selected.
  [{ where: "key != 'a'" }, ['test 0: same picture as train 4']],
] as const)('%o', async (options, expected) => {
  const { removed } = await dedup(options);
  expect(removed).toEqual(expected);
});

test('rows of another dataset are removed, with or without repetitions of its own', async () => {
  const within = await dedup({ against: at('others') });
  expect(within.removed[0]).toBe('train 1: same picture as test 0');
  expect(within.report.removed[0]?.of.source).toBe(at('others'));
  expect(within.removed.length).toBe(5);
  expect((await dedup({ against: at('others'), within: false })).removed).toEqual(['train 1: same picture as test 0']);
  expect((await dedup({ against: at('others'), within: false, by: 'caption' })).removed).toEqual([
    'train 1: same caption as test 0',
  ]);
});

test('mistakes are errors before anything is written', async () => {
  const before = fs.readdirSync(root).length;
  await expect(dedupDataset(at('data'), at('new'), { by: 'key', key: 'name' })).rejects.toThrow('has no column "name"');
  await expect(dedupDataset(at('data'), at('new'), { distance: 40 })).rejects.toThrow('expected 0 to 16');
  await expect(dedupDataset(at('data'), at('new'), { against: at('nowhere') })).rejects.toThrow('there is no such');
  await expect(dedupDataset(at('data'), at('others'))).rejects.toThrow('exists already');
  await expect(dedupDataset(at('data'), at('new'), { report: at('others') })).rejects.toThrow('exists already');
  expect(fs.readdirSync(root).length).toBe(before);
});
