// npm run data as it is typed: what is printed, written and refused.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { feature, writeDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Outcome, outcome, start } from './testing/commands.ts';

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'data-command-'));
  await writeTinyDataset(join(root, 'tiny'), { damaged: [3], copies: 2 });
});
afterAll(() => fs.rm(root, { recursive: true }));

const run = (args: readonly string[], interrupt?: RegExp): Promise<Outcome> =>
  outcome(start(root, 'data', args), interrupt);

it('convert and select write other formats, and say what changes', async () => {
  const converted = await run(['convert', 'tiny', 'tars', '--to', 'tar']);
  expect(converted.out).toBe('tars: train 24, test 12 (tar)\n');
  expect(converted.err).toContain('note: label, tags: tar files hold the numbers of classes');
  expect(converted.status).toBe(0);
  const chosen = [
    '--where',
    "label = 'square'",
    '--where',
    'concept > 2',
    '--split',
    'train',
    '--columns',
    'label,concept',
  ];
  const selected = await run(['select', 'tars', 'squares.parquet', ...chosen]);
  expect([selected.out, selected.status]).toEqual(['squares.parquet: train 6 (parquet)\n', 0]);
  expect((await fs.readdir(root)).sort()).toEqual(['squares.parquet', 'tars', 'tiny']);
});

it('inspect prints statistics, and draws a sheet', async () => {
  const { out, err, status } = await run(['inspect', 'tiny', '--out', 'looked']);
  expect(status).toBe(0);
  expect(out).toContain('split train: 24 rows in 1 file');
  expect(out).toContain('1 images cannot be decoded:\n  row 3 (');
  expect(out).toMatch(/column label: 3 classes, the largest has 1\.0 times/);
  expect(out).toMatch(/rows with the same image file as an earlier one: 1[12] \(row 12 as row 0 of train\)/);
  expect(err).toContain('written: looked/samples.png, looked/statistics.json');
  const { width, height } = await sharp(join(root, 'looked/samples.png')).metadata();
  expect([width, (height ?? 0) > 1000]).toEqual([6 * (160 + 16) - 16 + 2 * 28, true]);
  const statistics = JSON.parse(await fs.readFile(join(root, 'looked/statistics.json'), 'utf8'));
  expect(statistics.splits[0].statistics.pictures).toMatchObject({ formats: { png: 23, unknown: 1 }, unreadable: 1 });
});

it('dedup writes the rows that remain, and a list of the others', async () => {
  const { out, status } = await run(['dedup', 'tiny', 'unique', '--against', 'tars', '--no-within', '--by', 'caption']);
  expect(out).toMatch(
    /^unique: train 0, test 0 \(arrow\)\nremoved: 36 rows \(36 same caption\): unique\.duplicates\.csv\n$/,
  );
  expect(status).toBe(0);
  const list = await fs.readFile(join(root, 'unique.duplicates.csv'), 'utf8');
  expect(list.split('\n')[1]).toMatch(/^train,0,same caption,,.*tars,train,0$/);
});

it('Ctrl-C leaves nothing', async () => {
  await fs.mkdir(join(root, 'stopping'));
  const rows = Array.from({ length: 20_000 }, (_, row) => ({
    image: Buffer.from('picture'),
    caption: `caption ${row}`,
  }));
  const features = { image: feature.image(), caption: feature.value('string') };
  await writeDataset(join(root, 'large'), { features }, { train: rows });
  const { err, status } = await run(['convert', 'large', 'stopping/out', '--to', 'tar'], /writing rows/);
  expect(err).toContain('SIGINT: stopping');
  expect(err).toContain('stopped; nothing was written to stopping/out');
  expect(status).toBe(130);
  expect(await fs.readdir(join(root, 'stopping'))).toEqual([]);
});

it('mistakes are answered in a line, with what is accepted', async () => {
  const refused: readonly (readonly [string[], RegExp])[] = [
    [['look', 'tiny'], /^error: there is no command look; the commands are inspect, convert, select, dedup/],
    [['select', 'tiny', 'new', '--limit', '0'], /^error: --limit 0: expected a whole number from 1 on/],
  ];
  for (const [args, message] of refused) {
    const { err, status } = await run(args);
    expect([err, status]).toEqual([expect.stringMatching(message), 2]);
  }
});
