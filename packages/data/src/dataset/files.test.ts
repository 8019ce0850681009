// The same pictures in Arrow, Parquet and tar files, made by data-files/make-pictures.py: equal rows, from folders and from a server.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { usualColumns } from '../loader/columns.ts';
import { type Batch, DataLoader } from '../loader/loader.ts';
import { startFileServer } from '../testing/file-server.ts';
import { openDataset, reopenSplit } from './dataset.ts';
import { Split } from './split.ts';
import { groupBySplit } from './split-names.ts';

const folder = path.join(import.meta.dirname, '../../data-files/pictures');
const at = (name: string): string => path.join(folder, name);

interface Expected {
  readonly path: string;
  readonly caption: string;
  readonly captions: readonly string[];
  readonly label: number;
  readonly similarity: number;
  readonly sha256: string;
}
const expected = JSON.parse(fs.readFileSync(at('expected.json'), 'utf8')) as Expected[];
const names = Object.keys(expected[0] as Expected).filter((name) => name !== 'sha256' && name !== 'path');

async function rowsOf(split: Split, columns = ['image', ...names]): Promise<unknown[]> {
  const rows = await split.rows(
    Uint32Array.from({ length: split.length }, (_, i) => i),
    columns,
  );
  return rows.map(({ image, ...others }) => {
    const { bytes, path: name } = image as { bytes: Uint8Array; path: string };
    return { ...others, path: name, sha256: createHash('sha256').update(bytes).digest('hex') };
  });
}

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-files-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const parquets = ['snappy', 'zstd', 'none', 'gzip', 'brotli', 'lz4'].map((codec) => `pictures-${codec}.parquet`);

describe('rows', () => {
  test.each(['pictures.arrow', 'pictures-ustar.tar', ...parquets])('%s', async (name) => {
    using dataset = await openDataset(at(name));
    const train = dataset.split('train');
    expect(train.length).toBe(6);
    expect(await rowsOf(train)).toEqual(expected);
    expect(await train.row(5, ['caption'])).toEqual({ caption: expected[5]?.caption });
    if (name.endsWith('.tar')) expect((await train.row(3, ['__key__'])).__key__).toBe('00003');
    else {
      expect(train.blocks.map(({ rows }) => rows)).toEqual([4, 2]);
      expect(train.features).toMatchObject({
        image: { type: 'image' },
        label: { type: 'class', names: ['circle', 'square'] },
        captions: { type: 'list', feature: { type: 'value', dtype: 'string' } },
        taken: { type: 'other' },
      });
    }
  });

  test.each(['long-ustar', 'long-gnu', 'long-pax', 'by-tar-gnu', 'by-tar-posix'])(
    'names of any length: %s',
    async (name) => {
      using dataset = await openDataset(at(`${name}.tar`));
      const train = dataset.split('train');
      expect(train.length).toBe(2);
      const rows = (await rowsOf(train, ['image', 'caption'])) as { path: string }[];
      const key = /^(größe\/)?(a-folder-with-a-long-name\/){4,12}$/;
      for (const [i, row] of rows.entries()) {
        const { sha256, caption, path: file } = expected[i] as Expected;
        expect(row).toMatchObject({ sha256, caption });
        expect(path.basename(row.path)).toBe(file);
        expect(`${path.dirname(row.path)}/`).toMatch(key);
      }
    },
  );

  test('from a server, in whole blocks and few requests', async () => {
    const files = ['pictures.arrow', 'pictures-zstd.parquet', 'pictures-ustar.tar'];
    const server = await startFileServer(
      Object.fromEntries(files.map((name) => [`/${name}`, new Uint8Array(fs.readFileSync(at(name)))])),
    );
    try {
      for (const name of files) {
        server.requests.length = 0;
        using dataset = await openDataset(`${server.url}/${name}`);
        server.faults.push('cut');
        const rows = await rowsOf(dataset.split('train'));
        expect(rows).toEqual(expected);
        expect(server.requests.length).toBeLessThan(14);
      }
    } finally {
      await server.close();
    }
  });
});

test.each(['pictures-ustar.tar', 'pictures-zstd.parquet'])(
  'a worker opens %s without reading its index again, and notices changes',
  async (name) => {
    const content = new Uint8Array(fs.readFileSync(at(name)));
    const server = await startFileServer({ [`/${name}`]: content });
    try {
      using dataset = await openDataset(`${server.url}/${name}`);
      const place = structuredClone(dataset.split('train').select([5, 1]).place);
      server.requests.length = 0;
      const { stored, split } = await reopenSplit(place);
      expect(server.requests).toHaveLength(1);
      expect(await rowsOf(split)).toEqual([expected[5], expected[1]]);
      stored.close();
      server.files.set(
        `/${name}`,
        content.map((byte, i) => (i === 600 ? byte ^ 1 : byte)),
      );
      await expect(reopenSplit(place)).rejects.toThrow(`/${name}: changed while it was in use`);
    } finally {
      await server.close();
    }
  },
);

async function batchesOf(loader: DataLoader, startBatch = 0): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader.epoch(0, { startBatch })) batches.push(batch);
  return batches;
}

test('a shuffle in parts leads to the same batches for every format, and after a stop', async () => {
  const { image, captions } = usualColumns;
  const options = {
    ...{ columns: { image, captions }, batchSize: 2, imageSize: 8, shuffle: true, seed: 4 },
    order: { shuffle: { rows: 4, streams: 2, block: 2 } },
  };
  const read = async (location: string, workers: number, startBatch = 0): Promise<Batch[]> => {
    using dataset = await openDataset(location);
    await using loader = new DataLoader(dataset.split('train'), { ...options, workers });
    expect(loader.order.locality).toMatchObject({ streams: 2, window: 2 });
    return await batchesOf(loader, startBatch);
  };
  const whole = await read(at('pictures.arrow'), 0);
  expect(whole.flatMap(({ indices }) => [...indices]).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  for (const name of ['pictures-ustar.tar', 'pictures-zstd.parquet']) {
    expect(await read(at(name), 2)).toEqual(whole);
    expect(await read(at(name), 1, 1)).toEqual(whole.slice(1));
  }
  const server = await startFileServer({ '/p.parquet': new Uint8Array(fs.readFileSync(at('pictures-zstd.parquet'))) });
  try {
    expect(await read(`${server.url}/p.parquet`, 1)).toEqual(whole);
  } finally {
    await server.close();
  }
});

test('damaged rows of a Parquet file are left out and counted; rows that cannot be reached are an error', async () => {
  const content = new Uint8Array(fs.readFileSync(at('pictures-zstd.parquet')));
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  // The first compressed page is that of the pictures of the first row group, which has four rows.
  const page = content.findIndex((_, i) => magic.every((byte, k) => content[i + k] === byte));
  const damaged = content.map((byte, i) => (i >= page && i < page + 8 ? 0xff : byte));
  fs.writeFileSync(path.join(root, 'damaged.parquet'), damaged);
  using dataset = await openDataset(path.join(root, 'damaged.parquet'));
  const { image, captions } = usualColumns;
  const options = { columns: { image, captions }, batchSize: 6, imageSize: 8, workers: 0 };
  await using loader = new DataLoader(dataset.split('train'), options);
  const batches = await batchesOf(loader);
  expect(batches.map(({ indices }) => [...indices])).toEqual([[4, 5]]);
  expect(loader.stats.skipped).toBe(4);
  expect(loader.stats.examples[0]?.reason).toMatch(/damaged\.parquet: row group 0 is damaged \(/);
  const server = await startFileServer({ '/pictures.parquet': content });
  try {
    using remote = await openDataset(`${server.url}/pictures.parquet`);
    await using other = new DataLoader(remote.split('train'), options);
    server.files.delete('/pictures.parquet');
    await expect(batchesOf(other)).rejects.toThrow('/pictures.parquet: the server answered 404');
  } finally {
    await server.close();
  }
});

test('a sample of rows is spread evenly over rows, or over the rows of three blocks', () => {
  const blocks = [10, 10, 10, 10, 10, 10].map((rows) => ({ rows, bytes: 0 }));
  const shard = {
    url: '',
    format: 'arrow' as const,
    size: 0,
    tag: '',
    features: {},
    blocks,
    block: () => Promise.reject(),
    close: () => undefined,
  };
  expect(new Split('train', '', [shard], { saved: true }).sample(4)).toEqual([0, 20, 39, 59]);
  expect(new Split('train', '', [shard]).sample(6)).toEqual([0, 9, 30, 39, 50, 59]);
});

describe('files of a dataset', () => {
  test('the names of files in a folder or pattern tell the splits', async () => {
    for (const [from, to] of [
      ['snappy', 'train-00000-of-00002'],
      ['zstd', 'train-00001-of-00002'],
      ['none', 'test-00000-of-00001'],
    ])
      fs.cpSync(at(`pictures-${from}.parquet`), path.join(root, 'hub', 'data', `${to}.parquet`));
    for (const location of [path.join(root, 'hub'), path.join(root, 'hub/data/*.parquet')]) {
      using dataset = await openDataset(location);
      expect(Object.fromEntries(Object.values(dataset.splits).map(({ name, length }) => [name, length]))).toEqual({
        test: 6,
        train: 12,
      });
      expect(await rowsOf(dataset.split('train'))).toEqual([...expected, ...expected]);
    }
    using some = await openDataset(path.join(root, 'hub/data/train-{00000..00001}*.parquet'));
    expect(some.split('train').length).toBe(12);
  });

  test('the rule of the names', () => {
    expect(groupBySplit(['a/train/1.tar', 'a/val/1.tar', 'a/val/2.tar'], 'a')).toEqual({
      train: ['a/train/1.tar'],
      validation: ['a/val/1.tar', 'a/val/2.tar'],
    });
    // The folder that all share does not count, and neither do parts of words.
    expect(groupBySplit(['test/00.tar', 'test/01.tar'], 'a')).toEqual({ train: ['test/00.tar', 'test/01.tar'] });
    expect(groupBySplit(['a/restless.tar', 'a/trainer.tar'], 'a')).toEqual({
      train: ['a/restless.tar', 'a/trainer.tar'],
    });
    expect(() => groupBySplit(['a/train.tar', 'a/extra.tar'], 'a')).toThrow(
      'the names of 1 of 2 files tell no split (a/extra.tar)',
    );
  });

  test('files with other columns, of unknown kinds, and damaged files are named', async () => {
    const copy = (name: string, content: Uint8Array | string): string => {
      fs.writeFileSync(path.join(root, name), content);
      return path.join(root, name);
    };
    const bytes = (name: string): Buffer => fs.readFileSync(at(name));
    copy('mixed-0.parquet', bytes('pictures-none.parquet'));
    copy('mixed-1.tar', bytes('long-gnu.tar'));
    await expect(openDataset(path.join(root, 'mixed-*'))).rejects.toThrow(
      /mixed-1\.tar: has the columns \(__key__: string, image: image, caption: string\), but the first file of its split/,
    );
    await expect(openDataset(copy('a.tar.gz', 'x'))).rejects.toThrow('unpack it first');
    await expect(openDataset(copy('a.csv', 'x'))).rejects.toThrow(
      'its ending is none of a known format (Arrow: .arrow',
    );
    await expect(openDataset(path.join(root, 'nothing-*.tar'))).rejects.toThrow('matches no file');
    const tar = bytes('pictures-ustar.tar');
    const cut = (length: number): string => copy('cut.tar', tar.subarray(0, length));
    await expect(openDataset(cut(6500))).rejects.toThrow(
      'cut.tar: is truncated: it ends at byte 6500 without an end mark',
    );
    await expect(openDataset(cut(700))).rejects.toThrow(
      /cut\.tar: is truncated: the member at byte 0 has \d+ bytes, but the file ends at byte 700/,
    );
    await expect(openDataset(copy('joined.tar', Buffer.concat([tar, tar])))).rejects.toThrow(
      'joined.tar: has members behind its end mark',
    );
    const damaged = Buffer.from(tar);
    damaged[1030] = 7;
    await expect(openDataset(copy('damaged.tar', damaged))).rejects.toThrow(
      'damaged.tar: is damaged: there is no tar header at byte 1024',
    );
    await expect(openDataset(copy('other.tar', Buffer.alloc(2048, 'text')))).rejects.toThrow(
      'other.tar: is not a tar file',
    );
    const parquet = bytes('pictures-none.parquet');
    await expect(openDataset(copy('cut.parquet', parquet.subarray(0, 3000)))).rejects.toThrow(
      'cut.parquet: is not a Parquet file, or is truncated: its 3000 bytes do not end with PAR1',
    );
    const spoiled = Buffer.from(parquet).fill(255, parquet.length - 300, parquet.length - 8);
    await expect(openDataset(copy('spoiled.parquet', spoiled))).rejects.toThrow(/spoiled\.parquet: /);
  });
});
