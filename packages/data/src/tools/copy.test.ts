// Copies from every format into every format: the same rows, and the same bytes of pictures.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDataset } from '../dataset/dataset.ts';
import type { Row } from '../format/shard.ts';
import { writeTinyDataset } from '../testing/tiny-dataset.ts';
import { type CopyOptions, copyDataset } from './copy.ts';
import { sampleOf } from './selection.ts';

const pictures = path.join(import.meta.dirname, '../../data-files/pictures');
let root: string;
let tiny: string;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'tessera-copy-'));
  tiny = path.join(root, 'tiny');
  await writeTinyDataset(tiny);
});
afterAll(() => fs.rmSync(root, { recursive: true }));

const at = (name: string): string => path.join(root, name);
let copies = 0;
const copy = async (from: string, options: CopyOptions = {}, ending = ''): Promise<string> =>
  (await copyDataset(from, at(`copy-${copies++}${ending}`), options)).path;

async function rowsOf(location: string, split = 'train'): Promise<Row[]> {
  using dataset = await openDataset(location);
  const rows: Row[] = [];
  for await (const row of dataset.split(split)) rows.push(row);
  return rows;
}

const hashes = (rows: readonly Row[]): string[] =>
  rows.map(({ image }) =>
    createHash('sha256')
      .update((image as { bytes: Uint8Array }).bytes)
      .digest('hex'),
  );

/** The columns that all formats keep. */
const common = (rows: readonly Row[]): unknown[] =>
  rows.map(({ caption, captions, label, similarity }) => ({ caption, captions, label, similarity }));

test.each(['pictures.arrow', 'pictures-zstd.parquet', 'pictures-ustar.tar'])(
  '%s becomes a dataset of any format, and from there of any other',
  async (name) => {
    const source = path.join(pictures, name);
    const original = await rowsOf(source);
    expect(original.length).toBe(6);
    let from = source;
    for (const to of ['parquet', 'arrow', 'tar', 'parquet', 'tar', 'arrow'] as const) {
      const ending = to === 'arrow' || copies % 2 === 0 ? '' : `.${to}`;
      from = await copy(from, { to }, ending);
      const rows = await rowsOf(from);
      expect(hashes(rows)).toEqual(hashes(original));
      expect(common(rows)).toEqual(common(original));
    }
  },
);

test('splits, lists and names of classes stay, in folders of every format', async () => {
  let from = tiny;
  for (const to of ['parquet', 'tar', 'arrow'] as const) {
    const target = await copy(from, { to });
    using original = await openDataset(tiny);
    using copied = await openDataset(target);
    expect(Object.keys(copied.splits).sort()).toEqual(Object.keys(original.splits).sort());
    for (const [name, split] of Object.entries(original.splits)) {
      expect(copied.split(name).features).toMatchObject(split.features);
      for (const column of ['captions', 'concept', 'label', 'tags'])
        expect(await copied.split(name).column(column)).toEqual(await split.column(column));
    }
    from = target;
  }
});

test('the selection: columns, a condition, a sample, a limit, splits', async () => {
  using dataset = await openDataset(tiny);
  const labels = await dataset.split('train').column('label');
  const squares = await copy(tiny, { where: "label = 'square'", columns: ['label', 'concept'] });
  const rows = await rowsOf(squares);
  expect(rows.length).toBe(labels.filter((label) => label === 1).length);
  for (const row of rows) expect(Object.keys(row)).toEqual(['concept', 'label']);
  expect((await rowsOf(squares, 'test')).length).toBe(4);
  const limited = await rowsOf(await copy(tiny, { limit: 3, splits: ['train'] }, '.parquet'));
  expect(limited.map(({ concept }) => concept)).toEqual([0, 1, 2]);
  const sample = { sample: 5, seed: 3, columns: ['concept'] };
  const drawn = await rowsOf(await copy(tiny, sample));
  expect(drawn.length).toBe(5);
  expect(await rowsOf(await copy(tiny, sample))).toEqual(drawn);
  expect(await rowsOf(await copy(tiny, { ...sample, seed: 4 }))).not.toEqual(drawn);
});

test('a sample has each row at most once, in order, and every row equally often', () => {
  const counts = new Array<number>(10).fill(0);
  for (let seed = 0; seed < 2000; seed++) {
    const chosen = sampleOf(10, 3, seed);
    expect(new Set(chosen).size).toBe(3);
    expect([...chosen].sort((a, b) => a - b)).toEqual(chosen);
    for (const row of chosen) counts[row] = (counts[row] as number) + 1;
  }
  // 600 are expected, with a standard deviation of 20.
  for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(100);
  expect(sampleOf(3, 5, 0)).toEqual([0, 1, 2]);
});

test('what does not fit is an error before anything is written', async () => {
  const before = fs.readdirSync(root).length;
  const refused: readonly (readonly [string, CopyOptions, string])[] = [
    [
      'out',
      { columns: ['label', 'wrong'] },
      'no column "wrong"; its columns are image, captions, concept, label, tags',
    ],
    ['out', { splits: ['dev'] }, 'no split "dev"; its splits are train, test'],
    ['out', { where: 'width > 3' }, 'no column "width"'],
    ['out', { where: 'concept > 99' }, 'none of the rows of train, test meets the condition "concept > 99"'],
    ['out', { where: 'concept >' }, 'expected a column, a number or a quoted text'],
    ['out.parquet', {}, 'one file holds one split, and there are train, test; choose one with --split'],
    ['out.parquet', { rowsPerFile: 3 }, 'is a single file'],
    ['out.parquet', { to: 'tar' }, 'a file with this ending is of the format parquet'],
    ['out', { to: 'tar', rowsPerGroup: 3 }, 'tar (webdataset) files have no row groups'],
    ['tiny', {}, 'exists already'],
  ];
  for (const [target, options, problem] of refused)
    await expect(copyDataset(tiny, at(target), options)).rejects.toThrow(problem);
  expect(fs.readdirSync(root).length).toBe(before);
});

test('columns of other types are left out by name, and told before the first row is written', async () => {
  const told: unknown[] = [];
  const report = await copyDataset(path.join(pictures, 'pictures-zstd.parquet'), at('timed'), {
    onPlan: (plan) => told.push(plan),
    onProgress: ({ done }) => expect([told.length, done > 0]).toEqual([1, true]),
  });
  expect(report.leftOut).toEqual(['taken: its type, TIMESTAMP, is not read']);
  expect(told).toEqual([{ leftOut: report.leftOut, changes: [], files: [] }]);
});

test.each(['arrow', 'parquet', 'tar'] as const)('%s: stopped in the middle, nothing is left', async (to) => {
  const before = fs.readdirSync(root);
  const controller = new AbortController();
  const onProgress = ({ done }: { done: number }): void => {
    if (done === 7) controller.abort(new Error('stopped'));
  };
  const stopped = copyDataset(tiny, at('stopped'), { to, signal: controller.signal, onProgress, rowsPerFile: 2 });
  await expect(stopped).rejects.toThrow('stopped');
  expect(fs.readdirSync(root)).toEqual(before);
});

test('damaged rows are an error, or left out and counted', async () => {
  const bytes = fs.readFileSync(path.join(pictures, 'pictures-none.parquet'));
  const file = at('damaged.parquet');
  // The bytes of the first column's pages.
  fs.writeFileSync(file, bytes.fill(0xff, 4, 60));
  await expect(copyDataset(file, at('from-damaged'))).rejects.toThrow('damaged.parquet: row group 0 is damaged');
  expect(fs.existsSync(at('from-damaged'))).toBe(false);
  const { splits, damaged } = await copyDataset(file, at('from-damaged'), { skipDamaged: true });
  expect((splits.train ?? 0) + (damaged.train ?? 0)).toBe(6);
  expect(damaged.train).toBeGreaterThan(0);
});
