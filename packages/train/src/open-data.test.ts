// Training on the same pictures in Arrow, Parquet and tar files, from this machine and from a server; labels that become classes.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFileServer } from '@tessera/data/testing/file-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTaskData } from './run/open-data.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainModel } from './train-model.ts';

const files = join(import.meta.dirname, '../../data/data-files');

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tessera-open-data-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The losses of a few steps on six pictures. */
async function lossesOn(dataset: string, name: string): Promise<number[]> {
  const config = await tinyConfig('training.batchSize=3', 'training.epochs=2', 'data.augmentation=clip');
  const folder = new RunFolder(join(root, name));
  const { finished } = await trainModel({ config, dataset, folder, resume: null });
  expect(finished).toBe(true);
  return readFileSync(folder.metrics, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; loss: number })
    .flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : []));
}

it('the same pictures lead to the same losses, bit for bit, whatever file they are in', async () => {
  const names = ['pictures.arrow', 'pictures-snappy.parquet', 'pictures-ustar.tar'];
  const expected = await lossesOn(join(files, 'pictures', names[0] as string), 'arrow');
  expect(expected).toHaveLength(4);
  expect(new Set(expected).size).toBe(4);
  for (const name of names.slice(1)) expect(await lossesOn(join(files, 'pictures', name), name)).toEqual(expected);
  const tar = readFileSync(join(files, 'pictures', 'pictures-ustar.tar'));
  const server = await startFileServer({ '/pictures.tar': new Uint8Array(tar) });
  try {
    expect(await lossesOn(`${server.url}/pictures.tar`, 'server')).toEqual(expected);
  } finally {
    await server.close();
  }
});

it('labels that are numbers or texts become classes, in ascending order', async () => {
  const location = join(files, 'arrow/labels.arrow');
  using numbers = await openTaskData(location, { image: null, label: null });
  const train = numbers.split('train');
  expect(train.features.label).toEqual({ type: 'class', names: ['3', '7'] });
  expect(await train.column('label')).toEqual([1, 0, 1, null]);
  using texts = await openTaskData(location, { image: null, label: 'breed' });
  expect(texts.split('train').features.breed).toEqual({ type: 'class', names: ['akita', 'pug'] });
  expect(await texts.split('train').column('breed')).toEqual([1, 0, 1, null]);
  // A task without labels leaves them as they are.
  using plain = await openTaskData(location, { image: null, captions: null });
  expect(await plain.split('train').column('label')).toEqual([7, 3, 7, null]);
  using tar = await openTaskData(join(files, 'pictures/pictures-ustar.tar'), { label: null });
  expect(tar.split('train').features.label).toEqual({ type: 'class', names: ['0', '1'] });
});

it('captions of several columns, in every format; what is wrong is told for all columns', async () => {
  const columns = { image: null, captions: null };
  const read = async (name: string): Promise<unknown> => {
    using dataset = await openTaskData(join(files, 'pictures', name), columns, { captions: 'caption:2,captions' });
    return await dataset.split('train').column('captions');
  };
  const expected = await read('pictures.arrow');
  expect(expected).toMatchObject([{ 0: { weight: 2 }, 1: { weight: 1 } }, {}, {}, {}, {}, {}]);
  expect(await read('pictures-snappy.parquet')).toEqual(expected);
  expect(await read('pictures-ustar.tar')).toEqual(expected);
  const open = (changes: Parameters<typeof openTaskData>[2], own = columns) =>
    openTaskData(join(files, 'pictures/pictures.arrow'), own, changes);
  await expect(open({ captions: ['caption', 'alt', 'label'] })).rejects.toThrow(
    /no column "alt" for captions; its columns are .*\n.*column "label" cannot serve as captions/,
  );
  await expect(open({ captions: ['caption'] }, { ...columns, captions: 'caption' as never })).rejects.toThrow(
    'data.captions and data.columns.captions both name columns',
  );
});
