/** What is read before the first step: each text column once, and of large splits a part. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ColumnMemory, feature, isEmptyCaption, Split, trainBpe, usualColumns, writeDataset } from '@tessera/data';
import { countedSplit } from '@tessera/data/testing/counted-split';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../load-config.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { checkAllCaptions, learnTokenizer } from '../tasks/captions.ts';
import { checkedRows } from '../tasks/checked-rows.ts';
import { useTestBackend } from '../testing/backend.ts';
import { trainModel } from '../train-model.ts';
import { countUsableRows } from './usable-rows.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'read-once-'));
});
afterAll(() => fs.rm(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);

describe('before the first step, each text column is read once', () => {
  const breeds = ['pug', 'tabby', 'husky', 'pug', 'siamese', 'tabby', 'pug', 'husky', 'tabby', 'pug'];
  beforeAll(async () => {
    const features = {
      image: feature.image(),
      caption: feature.value('string'),
      label: feature.classLabel(['dog', 'cat']),
      breed: feature.value('string'),
    };
    const rows = breeds.map((breed, k) => ({
      image: { bytes: pixel, path: null },
      caption: `a ${breed} number ${k}`,
      label: k % 2,
      breed,
    }));
    await writeDataset(join(root, 'data'), { features }, { train: rows, test: rows.slice(0, 4) });
  });

  it.each([
    ['classify', 'label', ['data.sampling=balanced', 'loss.classWeights=balanced', 'data.limitTrain=8']],
    ['classify', 'breed', ['data.sampling=balanced', 'data.columns.label=breed', 'data.filter=label in (0, 1)']],
    ['contrastive', 'caption', ['tokenizer.vocabularySize=560', 'model.text.contextLength=16', 'model.text.width=8']],
  ] as const)('%s: %s', async (task, column, set) => {
    const kept = vi.spyOn(ColumnMemory.prototype, 'keep');
    const row = vi.spyOn(Split.prototype, 'row');
    const dataset = join(root, 'data');
    const own = ['model.vision.width=8', 'model.embedDim=8', 'training.batchSize=2', 'data.workers=0'];
    const config = await loadConfig({
      preset: task === 'contrastive' ? 'tiny' : 'fashion-classify',
      set: [`data.dataset=${dataset}`, 'data.augmentation=null', 'schedule.warmupSteps=1', ...own, ...set],
    });
    const folder = new RunFolder(join(root, `${task}-${column}`));
    let begun = false;
    const inPlaceOfTraining = async (): Promise<void> => {
      begun = true;
    };
    await trainModel({ config, dataset, folder, resume: null, inPlaceOfTraining });
    expect(begun).toBe(true);
    const reads = kept.mock.calls.map(([key, block]) => `${key.replaceAll(/\0(\[\]\0)?/g, ', ')}: ${block}`);
    expect(reads.filter((read) => read.includes(column)).sort()).toEqual([`test, ${column}: 0`, `train, ${column}: 0`]);
    expect(new Set(reads).size).toBe(reads.length);
    // Single rows are read with all their columns, for the fingerprint.
    for (const [, columns] of row.mock.calls) expect(columns).toBeUndefined();
  });
});

describe('a split of more than a million rows', () => {
  const rows = 2_000_000;
  const columns = {
    caption: (row: number) => (row % 1000 === 7 ? ' ' : `the picture ${'very '.repeat(row % 4)}${row % 100}`),
  };
  const large = () =>
    countedSplit(
      columns,
      Array.from({ length: 200 }, () => rows / 200),
      { memory: new ColumnMemory(2 ** 24) },
    );
  const data = { checkRows: 'auto', strict: false } as const;

  it('has its captions checked in 100,000 rows, a few blocks of them', async () => {
    const { split, reads } = large();
    const said: string[] = [];
    const say = (message: string): unknown => said.push(message);
    const choice = { column: 'caption', data };
    const tokenizer = await learnTokenizer(split, choice, 560);
    const limits = { tokenizer, contextLength: 64, onTooLong: 'error' } as const;
    const checked = await checkAllCaptions([split], choice, limits, say);
    expect(checked).toMatchObject({ complete: false, onTooLong: 'truncate' });
    const { captions } = usualColumns;
    await countUsableRows({ train: split, evaluated: [], named: false, columns: { captions }, data, say });
    expect(reads).toEqual(Array.from({ length: 100 }, (_, k) => `caption: ${2 * k}`));
    expect(said).toEqual([
      'train: not all captions were read: longer ones that come up in training are truncated to 64 tokens (data.checkRows=all: they are an error before it)',
      'train: captions and labels are checked in 100,000 of 2,000,000 rows (data.checkRows=all: in all)',
      'train: 100 of 100000 rows that were checked cannot be used; row 7: the caption is empty',
    ]);
  });

  it('is read as a whole with data.checkRows=all or data.strict', () => {
    const { split } = large();
    const all = { ranges: [{ from: 0, to: rows }], complete: true };
    expect(checkedRows(split, { ...data, checkRows: 'all' })).toEqual(all);
    expect(checkedRows(split, { ...data, strict: true })).toEqual(all);
    expect(checkedRows(split.select([5, 6]), data)).toEqual({ ranges: [{ from: 0, to: 2 }], complete: true });
  });
});

it('captions in damaged parts of a file are neither learned nor measured', async () => {
  const captions = { caption: (row: number) => `word${row}` };
  const { split } = countedSplit(captions, [2, 2, 2], { damaged: ['caption: 1'] });
  const choice = { column: 'caption', data: { checkRows: 'auto', strict: false } } as const;
  const tokenizer = await learnTokenizer(split, choice, 560);
  const texts = [0, 1, 4, 5].map(captions.caption).filter((caption) => !isEmptyCaption(caption));
  expect(tokenizer.toJSON()).toEqual(trainBpe(texts, { vocabSize: 560 }).toJSON());
  await expect(
    checkAllCaptions([split], choice, { tokenizer, contextLength: 3, onTooLong: 'error' }, () => undefined),
  ).rejects.toThrow('of 4 captions are longer');
});
