// Several sources with weights: shares, columns, classes, filters, resuming, and what is refused.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Batch, DataLoader, openDataset, usualColumns } from '@tessera/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from './config/schema.ts';
import { loadConfig } from './load-config.ts';
import type { RunData } from './run/opened-data.ts';
import { openRunData } from './run/run-data.ts';
import { trainingLoaderOptions } from './tasks/reading.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainTiny } from './testing/train-tiny.ts';

const pictures = join(import.meta.dirname, '../../data/data-files/pictures');
const at = (name: string): string => join(pictures, name);

let root: string;
let folder: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tessera-sources-'));
  folder = join(root, 'folder');
  mkdirSync(folder);
  using dataset = await openDataset(at('pictures.arrow'));
  const rows = await dataset.split('train').rows([0, 1, 2, 3, 4, 5], ['image', 'caption']);
  const lines = rows.map(({ image, caption }, k) => {
    const { bytes, path } = image as { bytes: Uint8Array; path: string };
    writeFileSync(join(folder, path), bytes);
    return [path, `drawing of a ${caption}`, k % 2 ? 'square' : 'triangle', k < 4 ? 'train' : 'test'].join(',');
  });
  writeFileSync(join(folder, 'captions.csv'), ['image,words,label,split', ...lines].join('\n'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Three formats, with captions in columns of other names. */
const sources = (): object[] => [
  { url: at('pictures.arrow'), name: 'arrow', weight: 3, caption: 'caption' },
  { url: at('pictures-ustar.tar'), name: 'tar', weight: 2, captions: { caption: 0.5, captions: 0.5 } },
  { url: folder, caption: 'words' },
];

const setting = (value: unknown): string => `data.sources=${JSON.stringify(value)}`;
const clip = (value: unknown, ...set: string[]): Promise<RunConfig> => tinyConfig(setting(value), ...set);
const classify = (value: unknown, ...set: string[]): Promise<RunConfig> =>
  loadConfig({ set: ['task=classify', setting(value), ...set] });

async function opened(config: RunConfig): Promise<{ data: RunData; said: string[] }> {
  const said: string[] = [];
  return { data: await openRunData('', config, (line) => said.push(line)), said };
}

/** Why the sources are refused. */
const refusal = async (config: RunConfig): Promise<string> => {
  try {
    const { data } = await opened(config);
    data.close();
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
};

const columns = { image: usualColumns.image, captions: usualColumns.captions } as const;

async function batchesOf(
  { train }: RunData,
  config: RunConfig,
  changes: object = {},
  startBatch = 0,
  epoch = 1,
): Promise<Batch<typeof columns>[]> {
  const options = trainingLoaderOptions(config, columns, 16, null);
  await using loader = new DataLoader(train, { ...options, ...changes });
  const batches = [];
  for await (const batch of loader.epoch(epoch, { startBatch })) batches.push(batch);
  return batches;
}

describe('three formats with weights 3, 2 and 1', () => {
  it('are one split, source after source, with the columns that the task reads', async () => {
    const { data, said } = await opened(await clip(sources()));
    expect(data.train.parts).toEqual([
      { name: 'arrow', rows: 6, weight: 3 },
      { name: 'tar', rows: 6, weight: 2 },
      { name: 'folder', rows: 4, weight: 1 },
    ]);
    expect(data.train.columns).toEqual(['image', 'captions', 'concept']);
    const texts = await data.train.column('captions');
    expect(texts[1]).toEqual([{ weight: 1, texts: ['red square'] }]);
    expect(texts[7]).toEqual([
      { weight: 0.5, texts: ['red square'] },
      { weight: 0.5, texts: ['red square', 'a picture of a red square'] },
    ]);
    expect(texts[13]).toEqual([{ weight: 1, texts: ['drawing of a red square'] }]);
    // Numbers of concepts of different sources are different.
    expect((await data.train.column('concept')).slice(11)).toEqual([null, 2, 5, 8, 11]);
    expect(said).toEqual([
      'source arrow: 6 rows, 50 % of the samples',
      'source tar: 6 rows, 33.3 % of the samples',
      'source folder: 4 rows, 16.7 % of the samples',
      'evaluated: test of source folder',
    ]);
    expect(data.evaluated.map(({ name, length }) => [name, length])).toEqual([['test', 2]]);
    expect(Object.keys(await data.fingerprint(false))).toEqual([
      'train of source 1',
      'train of source 2',
      'train of source 3',
      'test of source 3',
    ]);
    data.close();
  });

  it('have their shares of any stretch of an epoch, wherever it is resumed, with any number of workers', async () => {
    const config = await clip(sources(), 'data.epochRows=600', 'training.batchSize=6', 'data.augmentation=clip');
    const { data } = await opened(config);
    const whole = await batchesOf(data, config);
    expect(whole).toHaveLength(100);
    const counts = [0, 0, 0];
    for (const [position, row] of whole.flatMap(({ indices }) => [...indices]).entries()) {
      const source = row < 6 ? 0 : row < 12 ? 1 : 2;
      counts[source] = (counts[source] as number) + 1;
      [3, 2, 1].forEach((weight, k) => {
        expect(Math.abs((counts[k] as number) - ((position + 1) * weight) / 6)).toBeLessThan(4);
      });
    }
    const short = { order: { epochRows: 60 } };
    const few = await batchesOf(data, config, short);
    for (const workers of [1, 2]) expect(await batchesOf(data, config, { ...short, workers })).toEqual(few);
    expect(await batchesOf(data, config, {}, 93)).toEqual(whole.slice(93));
    data.close();
  });

  it('lead to the same run when it is stopped in mid-epoch and resumed, and are evaluated', async () => {
    const set = [setting(sources()), 'data.epochRows=18', 'checkpoints.everySteps=1', 'evaluation.pixelBaseline=false'];
    expect(await trainTiny(root, { name: 'whole', set })).toMatchObject({ finished: true, steps: 6 });
    expect(await trainTiny(root, { name: 'stopped', set, stopAfter: 2 })).toMatchObject({ finished: false, steps: 2 });
    const other = { ...(sources()[1] as object), weight: 2.5 };
    const changed = [setting([sources()[0], other, sources()[2]]), ...set.slice(1)];
    await expect(trainTiny(root, { name: 'stopped', set: changed, resume: true })).rejects.toThrow('data.sources was');
    expect(await trainTiny(root, { name: 'stopped', set, resume: true })).toMatchObject({ finished: true });
    const weights = (name: string): Buffer => readFileSync(join(root, name, 'model.safetensors'));
    expect(weights('stopped').equals(weights('whole'))).toBe(true);
  });
});

describe('classes', () => {
  const numbered = { url: at('pictures-ustar.tar'), name: 'tar' };

  it('are joined by name, in each split', async () => {
    const { data } = await opened(await classify([{ url: at('pictures.arrow') }, { url: folder, weight: 2 }]));
    expect(data.train.features.label).toEqual({ type: 'class', names: ['circle', 'square', 'triangle'] });
    expect(await data.train.column('label')).toEqual([0, 1, 0, 1, 0, 1, 2, 1, 2, 1]);
    expect(await data.evaluated[0]?.column('label')).toEqual([2, 1]);
    data.close();
  });

  it('that are numbers are joined with numbers, not with names', async () => {
    const { data } = await opened(await classify([numbered, { ...numbered, name: 'again' }]));
    expect(data.train.features.label).toEqual({ type: 'class', names: ['0', '1'] });
    expect(await data.train.column('label')).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    data.close();
    expect(await refusal(await classify([{ url: folder }, numbered]))).toContain(
      'label: the classes of source folder are names (square, triangle), those of source tar are numbers without names (0, 1)',
    );
  });
});

describe('parts of the rows', () => {
  it('filters of one source or of all, and a limit that all share', async () => {
    const list = [{ url: at('pictures.arrow'), filter: 'similarity > 0.28' }, { url: at('pictures-snappy.parquet') }];
    const { data } = await opened(await clip(list, 'data.filter=label = 0', 'data.limitTrain=4'));
    // Without numbers of concepts in any source, there is no such column.
    expect(data.train.columns).toEqual(['image', 'captions']);
    expect(data.train.parts?.map(({ rows }) => rows)).toEqual([2, 2]);
    const all = await opened(await clip(list));
    expect(all.data.train.parts?.map(({ rows }) => rows)).toEqual([3, 6]);
    const captions = await all.data.train.column('captions');
    expect(captions.slice(0, 4)).toMatchObject(
      ['red circle', 'blue circle', 'blue square', 'red circle'].map((text) => [{ texts: { 0: text } }]),
    );
    data.close();
    all.data.close();
  });

  it('splits to evaluate can be named with their source', async () => {
    const list = [
      { url: folder, caption: 'words' },
      { url: folder, caption: 'words', name: 'b' },
    ];
    const { data, said } = await opened(await clip(list, 'evaluation.splits=[test, b:test]'));
    expect(data.evaluated.map(({ name }) => name)).toEqual(['test', 'b:test']);
    expect(said).toContain('evaluated: test of source b');
    data.close();
    expect(await refusal(await clip(list, 'evaluation.splits=[c:test]'))).toContain(
      'no source has a split "c:test" to evaluate; the splits of folder: train, test; of b: train, test',
    );
  });
});

describe('refused, with all problems at once', () => {
  it('sources that are not there, columns and splits that are missing, filters that leave nothing', async () => {
    const message = await refusal(
      await clip([
        { url: at('nowhere.parquet'), name: 'a' },
        { url: at('pictures.arrow'), name: 'b', filter: 'similarity > 7' },
        { url: at('pictures-zstd.parquet'), name: 'c', filter: 'likeness > 7' },
        { url: at('pictures-gzip.parquet'), name: 'd', split: 'dev' },
        { url: at('pictures-none.parquet'), name: 'e' },
      ]),
    );
    expect(message).toMatch(/^the 5 sources of data cannot be used together\n {2}source a: .*nowhere\.parquet/);
    expect(message).toMatch(/\n {2}source b: .*none of its 6 rows meets the filter "similarity > 7"/);
    expect(message).toMatch(/\n {2}source c: .*no column "likeness"; its columns are image, caption,/);
    expect(message).toMatch(/\n {2}source d: .*no split "dev"; its splits are train/);
    expect(message).not.toContain('source e');
  });

  it('columns that the sources do not have, with those that they have', async () => {
    const message = await refusal(
      await clip([
        { url: at('pictures.arrow'), name: 'a', image: 'photo' },
        { url: at('pictures-zstd.parquet'), name: 'b', caption: 'title' },
        { url: at('pictures-ustar.tar'), name: 'c', caption: ['caption', 'alt'] },
      ]),
    );
    const problems = [
      'source c: .*no column "alt" for captions; its columns are __key__, image, label, .*',
      'source a: no column "photo" for image; its columns are image, .*',
      'source b: no column "title" for captions; its columns are image, .*',
    ];
    expect(message).toMatch(new RegExp(`cannot be used together\\n {2}${problems.join('\\n {2}')}$`));
  });

  it('settings that are wrong', async () => {
    await expect(clip([{ url: 'a', weight: 0 }])).rejects.toThrow('data.sources');
    await expect(clip([{ url: 'a', wieght: 2 }])).rejects.toThrow('wieght');
    await expect(clip([])).rejects.toThrow('data.sources');
  });
});

it('sources can be written as texts with weights, and one data set takes their place', async () => {
  const of = async (...set: string[]) => (await loadConfig({ set })).data;
  expect(await of('data.sources=[pictures, "drawings:2.5", "s3://b/x.tar?endpoint=http://host:9000"]')).toMatchObject({
    dataset: 'pictures + drawings:2.5 + s3://b/x.tar?endpoint=http://host:9000',
    sources: [
      { url: 'pictures', weight: 1 },
      { url: 'drawings', weight: 2.5 },
      { url: 's3://b/x.tar?endpoint=http://host:9000', weight: 1 },
    ],
  });
  expect(await of('data.sources=["s3://b/x.tar?endpoint=http://host:9000:2"]')).toMatchObject({
    sources: [{ url: 's3://b/x.tar?endpoint=http://host:9000', weight: 2 }],
  });
  expect(await of('data.sources=[a, b]', 'data.dataset=mnist')).toMatchObject({ dataset: 'mnist', sources: null });
  const { name } = await loadConfig({ set: ['data.sources=[data/a, data/b]'] });
  expect(name).toBe('a-b-contrastive');
});
