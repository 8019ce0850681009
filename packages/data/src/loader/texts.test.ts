// Captions in several columns with weights: which text of a row an epoch uses.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feature } from '../arrow/features.ts';
import { writeDataset } from '../arrow/writer.ts';
import { withCaptions } from '../dataset/caption-columns.ts';
import { type Dataset, openDataset } from '../dataset/dataset.ts';
import { CounterRandom, purpose } from '../random.ts';
import { usualColumns } from './columns.ts';
import { type Batch, DataLoader, type LoaderOptions } from './loader.ts';
import { pickTexts, textGroups } from './texts.ts';

const seed = Number(process.env.TESSERA_SEED ?? 20_261_130);
const rows = 400;

let root: string;
let dataset: Dataset;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-texts-'));
  const text = feature.value('string');
  await writeDataset(
    path.join(root, 'data'),
    { features: { caption: text, alt: feature.list(text), synthetic: text, number: feature.value('int32') } },
    {
      train: Array.from({ length: rows }, (_, row) => ({
        caption: row % 4 === 1 ? '  ' : `caption ${row}`,
        alt: row % 4 === 2 ? [] : [`alt ${row} a`, `alt ${row} b`],
        synthetic: row % 4 === 3 ? null : `synthetic ${row}`,
        number: row,
      })).concat([{ caption: '', alt: [''], synthetic: null, number: rows }]),
    },
  );
  dataset = await openDataset(path.join(root, 'data'));
});
afterAll(() => {
  dataset.close();
  fs.rmSync(root, { recursive: true, force: true });
});

const columns = { captions: usualColumns.captions } as const;
type Requests = typeof columns;
const options: LoaderOptions<Requests> = { columns, batchSize: 20, imageSize: 1, seed, shuffle: true, workers: 0 };
const weights = { caption: 0.5, alt: 0.3, synthetic: 0.2 };

async function batchesOf(changes: Partial<typeof options> = {}, epoch = 0, startBatch = 0): Promise<Batch<Requests>[]> {
  const split = withCaptions(dataset.split('train'), weights);
  await using loader = new DataLoader(split, { ...options, ...changes });
  const batches: Batch<Requests>[] = [];
  for await (const batch of loader.epoch(epoch, { startBatch })) batches.push(batch);
  return batches;
}

const pickedOf = (batches: readonly Batch<Requests>[]): (readonly [row: number, text: string])[] =>
  batches.flatMap(({ indices, columns: { captions } }) =>
    captions.map(({ picked }, k) => [indices[k] as number, picked[0] as string] as const),
  );

describe(`columns with weights (TESSERA_SEED=${seed})`, () => {
  test('each epoch draws a column by the weights; empty ones are passed over, their share goes to the others', async () => {
    const counts = new Map<string, number>();
    const epochs = 12;
    for (let epoch = 0; epoch < epochs; epoch++)
      for (const [row, text] of pickedOf(await batchesOf({}, epoch))) {
        expect(text).toMatch(new RegExp(` ${row}\\b`));
        const key = `${row % 4} ${text.split(' ', 1)[0]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    const expected: Readonly<Record<string, Readonly<Record<string, number>>>> = {
      0: weights,
      1: { alt: 0.6, synthetic: 0.4 },
      2: { caption: 5 / 7, synthetic: 2 / 7 },
      3: { caption: 5 / 8, alt: 3 / 8 },
    };
    const draws = (epochs * rows) / 4;
    for (const [kind, shares] of Object.entries(expected))
      for (const [column, share] of Object.entries(shares)) {
        const off = Math.abs((counts.get(`${kind} ${column}`) ?? 0) / draws - share);
        // Five standard deviations, and the few rows that a last, short batch leaves out or that replace the unusable one.
        expect(off).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / draws) + 25 / draws);
      }
    expect([...counts.keys()].sort()).toEqual(
      Object.entries(expected).flatMap(([kind, shares]) =>
        Object.keys(shares)
          .sort()
          .map((column) => `${kind} ${column}`),
      ),
    );
  });

  test('depends on seed, epoch and row alone: not on workers, or where an epoch is resumed', async () => {
    const whole = await batchesOf({}, 3);
    expect(await batchesOf({ workers: 2 }, 3)).toEqual(whole);
    expect(await batchesOf({}, 3, 9)).toEqual(whole.slice(9));
    expect(pickedOf(await batchesOf({}, 4))).not.toEqual(pickedOf(whole));
    const larger = pickedOf(await batchesOf({ batchSize: 40 }, 3));
    expect(new Map(larger)).toEqual(new Map(pickedOf(whole)));
  });

  test('a row without any text is unusable, and in order the first column with a text counts', async () => {
    const split = withCaptions(dataset.split('train'), { synthetic: 1, alt: 5 });
    await using loader = new DataLoader(split, { ...options, shuffle: false, batchSize: 500 });
    const found = [];
    for await (const batch of loader.epoch(0)) found.push(...pickedOf([batch]));
    expect(found.map(([row]) => row)).toEqual([...Array(rows).keys()]);
    expect(found.slice(0, 4).map(([, text]) => text)).toEqual(['synthetic 0', 'synthetic 1', 'synthetic 2', 'alt 3 a']);
    expect(loader.stats).toMatchObject({ skipped: 1, examples: [{ row: rows, reason: 'the caption is empty' }] });
    // The other columns stay.
    expect(await split.row(7, ['number', 'caption'])).toEqual({ number: 7, caption: 'caption 7' });
  });

  test('several texts of a row: none is repeated before all were picked', () => {
    const groups = textGroups([
      { weight: 1, texts: ['a', 'b', ' '] },
      { weight: 3, texts: ['c'] },
      { weight: 2, texts: [] },
    ]);
    for (let k = 0; k < 50; k++) {
      const random = new CounterRandom(seed, purpose.caption, 0, k);
      const { all, picked } = pickTexts(groups, { choice: 'random', count: 5, weighted: true }, random);
      expect(all).toEqual(['a', 'b', 'c']);
      expect(new Set(picked.slice(0, 3))).toEqual(new Set(all));
      expect(new Set(picked.slice(3)).size).toBe(2);
      const first = pickTexts(groups, { choice: 'first', count: 1, weighted: true }, random).picked[0];
      expect(['a', 'c']).toContain(first);
    }
  });

  test('columns that are missing or have no texts, all of them', () => {
    expect(() => withCaptions(dataset.split('train'), { caption: 1, title: 1, number: 2 })).toThrow(
      /no column "title" for captions; its columns are caption, alt, synthetic, number\n.*column "number" cannot serve as captions/,
    );
  });
});
