// The data loader: order, workers, resuming, unusable rows, columns, decoding.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feature } from '../arrow/features.ts';
import { writeDataset } from '../arrow/writer.ts';
import { augmentations } from '../augment/index.ts';
import { type Dataset, openDataset } from '../dataset/dataset.ts';
import { decodeImage } from '../image/decode.ts';
import { type ColumnRequests, usualColumns } from './columns.ts';
import { type Batch, DataLoader, type LoaderOptions } from './loader.ts';

let root: string;
let good: Dataset;
let flawed: Dataset;
const rows = 37;
/** Rows of the flawed dataset that cannot be used. */
const flaws = { 5: 'not an image', 11: 'cut short', 23: 'no image', 30: 'no caption' };

/** The color of an image, which identifies its row. */
const colorOf = (row: number): { r: number; g: number; b: number } => ({
  r: row * 6,
  g: 255 - row * 5,
  b: (row * 40) % 256,
});

async function makeRow(row: number, flaw?: string) {
  const png = await sharp({ create: { width: 20, height: 18, channels: 3, background: colorOf(row) } })
    .png()
    .toBuffer();
  const bytes = {
    'not an image': Buffer.from('hello'),
    'cut short': png.subarray(0, png.length - 20),
    'no image': null,
  }[flaw ?? ''];
  return {
    image: { bytes: bytes === undefined ? png : bytes, path: null },
    label: row % 3,
    captions:
      flaw === 'no caption' ? ['', '  '] : Array.from({ length: 1 + (row % 3) }, (_, i) => `row ${row} caption ${i}`),
    concept: Math.floor(row / 2),
  };
}

beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-loader-'));
  const features = {
    image: feature.image(),
    label: feature.classLabel(['a', 'b', 'c']),
    captions: feature.list(feature.value('string')),
    concept: feature.value('int32'),
  };
  const all = [...Array(rows).keys()];
  const plain = await Promise.all(all.map((row) => makeRow(row)));
  const broken = await Promise.all(all.map((row) => makeRow(row, (flaws as Record<number, string>)[row])));
  await writeDataset(path.join(root, 'good'), { features, batchRows: 10 }, { train: plain });
  await writeDataset(path.join(root, 'flawed'), { features, batchRows: 10 }, { train: broken });
  good = await openDataset(path.join(root, 'good'));
  flawed = await openDataset(path.join(root, 'flawed'));
});
afterAll(() => {
  good.close();
  flawed.close();
  fs.rmSync(root, { recursive: true, force: true });
});

const { image, captions, label, concept } = usualColumns;
const columns = { image, captions, label, concept } as const;
type Requests = typeof columns;

const training: LoaderOptions<Requests> = {
  columns,
  batchSize: 8,
  imageSize: 16,
  seed: 9,
  shuffle: true,
  augment: augmentations.drawings,
};

async function collect(
  dataset: Dataset,
  options: LoaderOptions<Requests>,
  epoch = 0,
  startBatch = 0,
): Promise<Batch<Requests>[]> {
  await using loader = new DataLoader(dataset.split('train'), options);
  const batches: Batch<Requests>[] = [];
  for await (const batch of loader.epoch(epoch, { startBatch })) batches.push(batch);
  return batches;
}

describe('order and contents', () => {
  test('in order: every row once, with its pixels, captions, label and concept', async () => {
    const batches = await collect(good, { columns, batchSize: 8, imageSize: 16, workers: 0 });
    expect(batches.map((batch) => batch.size)).toEqual([8, 8, 8, 8, 5]);
    let row = 0;
    for (const batch of batches) {
      expect(batch.columns.image.length).toBe(batch.size * 16 * 16 * 3);
      for (let i = 0; i < batch.size; i++, row++) {
        const { r, g, b } = colorOf(row);
        expect([...batch.columns.image.subarray(i * 768, i * 768 + 3)]).toEqual([r, g, b]);
        expect(batch.indices[i]).toBe(row);
        expect(batch.columns.label[i]).toBe(row % 3);
        expect(batch.columns.concept[i]).toBe(Math.floor(row / 2));
        expect(batch.columns.captions[i]?.all).toEqual(
          Array.from({ length: 1 + (row % 3) }, (_, k) => `row ${row} caption ${k}`),
        );
        expect(batch.columns.captions[i]?.picked).toEqual([`row ${row} caption 0`]);
      }
    }
    expect(row).toBe(rows);
  });

  test('several captions of a row: no repetition before all were picked', async () => {
    const [one] = await collect(good, { ...training, workers: 0 });
    const threeEach = { ...columns, captions: { ...captions, count: 3 } };
    const [three] = await collect(good, { ...training, workers: 0, columns: threeEach });
    for (const [i, { all, picked }] of (three?.columns.captions ?? []).entries()) {
      expect(picked).toHaveLength(3);
      expect(picked[0]).toBe(one?.columns.captions[i]?.picked[0]);
      expect(new Set(picked)).toEqual(new Set(all));
    }
    expect(three?.columns.captions).toHaveLength(8);
  });

  test('shuffled: full batches of different rows, another order in each epoch', async () => {
    const [first, second] = [
      await collect(good, { ...training, workers: 0 }),
      await collect(good, { ...training, workers: 0 }, 1),
    ];
    expect(first.map((batch) => batch.size)).toEqual([8, 8, 8, 8]);
    const seen = first.flatMap((batch) => [...batch.indices]);
    expect(new Set(seen).size).toBe(32);
    expect(second.flatMap((batch) => [...batch.indices])).not.toEqual(seen);
    const places = first.flatMap((batch) =>
      batch.columns.captions.map(({ all, picked }) => all.indexOf(picked[0] as string)),
    );
    expect(new Set(places)).toEqual(new Set([0, 1, 2]));
  });

  test('no, one and two workers produce the same bits, with and without the cache', async () => {
    const expected = await collect(good, { ...training, workers: 0 }, 1);
    for (const options of [
      { workers: 1 },
      { workers: 2 },
      { workers: 2, cacheBytes: 0, prefetch: 0 },
      { workers: 3, cacheBytes: 5000 },
    ]) {
      await using loader = new DataLoader(good.split('train'), { ...training, ...options });
      for await (const _ of loader.epoch(0)) {
        // The first epoch fills the cache.
      }
      const batches: Batch<Requests>[] = [];
      for await (const batch of loader.epoch(1)) batches.push(batch);
      expect(batches).toEqual(expected);
      if (options.cacheBytes === undefined) expect(loader.stats.cached.images).toBeGreaterThanOrEqual(32);
      if (options.cacheBytes === 0) expect(loader.stats.cached.images).toBe(0);
    }
  });

  test('an epoch continues where it was left', async () => {
    await using loader = new DataLoader(good.split('train'), training);
    expect(loader.state()).toEqual({ epoch: 0, batchIndex: 0 });
    const whole = await collect(good, { ...training, workers: 0 }, 2);
    for await (const batch of loader.epoch(2)) {
      if (loader.state().batchIndex === 2) {
        expect(batch).toEqual(whole[1]);
        break;
      }
    }
    const { epoch, batchIndex } = loader.state();
    expect({ epoch, batchIndex }).toEqual({ epoch: 2, batchIndex: 2 });
    expect(await collect(good, training, epoch, batchIndex)).toEqual(whole.slice(2));
    for await (const _ of loader.epoch(epoch, { startBatch: batchIndex })) {
      // To the end.
    }
    expect(loader.state()).toEqual({ epoch: 3, batchIndex: 0 });
  });

  test('shards divide the rows', async () => {
    const shards = await Promise.all(
      [0, 1, 2].map((index) => collect(good, { ...training, batchSize: 4, workers: 0, shard: { index, count: 3 } })),
    );
    expect(shards.map((batches) => batches.length)).toEqual([3, 3, 3]);
    const seen = shards.flat().flatMap((batch) => [...batch.indices]);
    expect(new Set(seen).size).toBe(36);
  });

  test('only the requested rows', async () => {
    const batches = await collect(good, { columns, batchSize: 2, imageSize: 16, rows: [30, 2, 17], workers: 0 });
    expect(batches.map((batch) => [...batch.indices])).toEqual([[30, 2], [17]]);
  });
});

describe('a selection of the rows of a split', () => {
  const chosen = [30, 4, 11, 23, 7, 5];

  test('is a split with these rows, in this order', async () => {
    const split = good.split('train').select(chosen);
    expect(split.length).toBe(6);
    expect(split.whole).toBe(rows);
    expect(await split.column('concept')).toEqual(chosen.map((row) => Math.floor(row / 2)));
    // A selection of the selection.
    expect(await split.select([5, 0]).column('label')).toEqual([5 % 3, 30 % 3]);
    await expect(split.row(6)).rejects.toThrow('row 6 is not one of its 6 rows');
    expect(() => split.select([6])).toThrow('row 6 is not one of its 6 rows');
  });

  test.each([0, 2])('is loaded with %d workers, with its own row numbers', async (workers) => {
    const split = good.split('train').select(chosen);
    await using loader = new DataLoader(split, { columns, batchSize: 4, imageSize: 16, workers });
    const seen: [number, number, number][] = [];
    for await (const batch of loader.epoch(0))
      for (const [i, row] of batch.indices.entries())
        seen.push([row, batch.columns.image[i * 768] as number, batch.columns.concept[i] as number]);
    expect(seen).toEqual(chosen.map((row, at) => [at, colorOf(row).r, Math.floor(row / 2)]));
  });

  test('replaces a row that cannot be used by one of its own', async () => {
    const split = flawed.split('train').select(chosen);
    const options = { columns, batchSize: 6, imageSize: 16, seed: 3, shuffle: true, workers: 0 } as const;
    await using loader = new DataLoader(split, options);
    for await (const batch of loader.epoch(0)) {
      // Rows 5, 11, 23 and 30 are flawed: only those at places 1 and 4 are left.
      expect(batch.size).toBe(6);
      expect(new Set(batch.indices)).toEqual(new Set([1, 4]));
    }
    expect(loader.stats.skipped).toBe(4);
  });
});

describe('rows that cannot be used', () => {
  const bad = Object.keys(flaws).map(Number);

  test('in training another row replaces it, the same one for any number of workers', async () => {
    const results: Batch<Requests>[][] = [];
    for (const workers of [0, 1, 2]) {
      await using loader = new DataLoader(flawed.split('train'), { ...training, workers, batchSize: 37 });
      const batches: Batch<Requests>[] = [];
      for await (const batch of loader.epoch(0)) batches.push(batch);
      results.push(batches);
      expect(batches.map((batch) => batch.size)).toEqual([37]);
      expect(loader.stats.skipped).toBe(4);
      expect(loader.stats.examples.map(({ row }) => row).sort((a, b) => a - b)).toEqual(bad);
      const reasons = Object.fromEntries(loader.stats.examples.map(({ row, reason }) => [row, reason]));
      expect(reasons[5]).toMatch(/^the image cannot be decoded \(.*unsupported image format/);
      expect(reasons[11]).toMatch(/^the image cannot be decoded/);
      expect(reasons[23]).toBe('there is no image');
      expect(reasons[30]).toBe('the caption is empty');
      for (const batch of batches) expect([...batch.indices].filter((row) => bad.includes(row))).toEqual([]);
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test('in evaluation they are left out', async () => {
    const batches = await collect(flawed, { columns, batchSize: 10, imageSize: 16, workers: 2 });
    const expected = [...Array(rows).keys()].filter((row) => !bad.includes(row));
    expect(batches.flatMap((batch) => [...batch.indices])).toEqual(expected);
  });

  test('with strict they are an error with dataset, split and row', async () => {
    await expect(collect(flawed, { columns, batchSize: 6, imageSize: 16, strict: true, workers: 1 })).rejects.toThrow(
      `${path.join(root, 'flawed')}, split "train", row 5: the image cannot be decoded`,
    );
  });

  test('without any usable row, the loader throws', async () => {
    await expect(
      collect(flawed, { columns, batchSize: 1, imageSize: 16, shuffle: true, rows: [5], workers: 0 }),
    ).rejects.toThrow('ran out of readable rows: row 5 and 99 replacements cannot be used');
  });

  test('a dataset that became unreadable is an error, not a hang', async () => {
    const copy = path.join(root, 'copy');
    fs.cpSync(path.join(root, 'good'), copy, { recursive: true });
    using dataset = await openDataset(copy);
    const file = path.join(copy, 'train', 'data-00000-of-00001.arrow');
    fs.truncateSync(file, fs.statSync(file).size - 300);
    await expect(collect(dataset, { columns, batchSize: 8, imageSize: 16, workers: 1 })).rejects.toThrow(
      /is truncated/,
    );
  });
});

test('invalid options and columns are rejected', () => {
  const make = (options: Partial<LoaderOptions>) => () =>
    new DataLoader<ColumnRequests>(good.split('train'), {
      columns,
      batchSize: 8,
      imageSize: 16,
      workers: 0,
      ...options,
    });
  expect(make({ batchSize: 0 })).toThrow('batchSize must be an integer of at least 1, not 0');
  expect(make({ batchSize: 38, dropLast: true })).toThrow('37 rows do not fill one batch of 38');
  expect(make({ columns: { captions: { ...captions, name: 'text' } } })).toThrow(
    'no column "text" for captions; its columns are image, label',
  );
  expect(make({ columns: { label: { ...label, name: 'captions' } } })).toThrow(
    'cannot serve as label: expected a ClassLabel column',
  );
  expect(make({ columns: { texts: { kind: 'texts', names: ['title'] } } })).toThrow(
    'has no column for texts: expected a string column or a list of strings named title, or another name that you pass; its columns are image, label, captions, concept',
  );
  expect(make({ columns: { one: image, two: image } })).toThrow(
    'at most one image column can be read, not one and two',
  );
  expect(make({ rows: [37] })).toThrow('row 37 is not one of its 37 rows');
  expect(make({ shard: { index: 2, count: 2 } })).toThrow('shard.index is 2; expected less than shard.count, 2');
});

test('a missing optional column is null, and without an image column no image is decoded', async () => {
  const columns = { label, tags: { ...usualColumns.tags, optional: true } } as const;
  await using loader = new DataLoader(good.split('train'), { columns, batchSize: 37, imageSize: 16, workers: 0 });
  expect(loader.columns).toEqual({ label: 'label', tags: null });
  for await (const batch of loader.epoch(0)) {
    expect(batch.columns.tags).toBeNull();
    expect(batch.columns.label).toEqual(Int32Array.from({ length: rows }, (_, row) => row % 3));
  }
});

test('lists of classes are sorted and without repetitions; a row without classes has an empty list', async () => {
  const folder = path.join(root, 'tags');
  const features = { tags: feature.list(feature.classLabel(['a', 'b', 'c'])) };
  const values = [[2, 0], [], [1, 1], null].map((tags) => ({ tags }));
  await writeDataset(folder, { features }, { train: values });
  using dataset = await openDataset(folder);
  for (const workers of [0, 2]) {
    await using loader = new DataLoader(dataset.split('train'), {
      columns: { tags: usualColumns.tags },
      batchSize: 4,
      imageSize: 1,
      workers,
    });
    for await (const batch of loader.epoch(0)) expect(batch.columns.tags).toEqual([[0, 2], [], [1], []]);
  }
});

describe('decoding', () => {
  test('transparency becomes white, gray and 16 bits become RGB of 8, orientation is applied', async () => {
    const target = { kind: 'working', size: 64 } as const;
    const clear = await sharp({
      create: { width: 2, height: 1, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const composited = await decodeImage(clear, target);
    expect(composited).toMatchObject({ width: 2, height: 1 });
    expect(composited.data[0]).toBe(255);
    expect(Math.abs((composited.data[1] as number) - 127)).toBeLessThanOrEqual(1);
    const gray = await sharp(Buffer.from([10, 200]), { raw: { width: 2, height: 1, channels: 1 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(gray, target)).data]).toEqual([10, 10, 10, 200, 200, 200]);
    const deep = await sharp(Buffer.from([10, 200]), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect([...(await decodeImage(deep, target)).data]).toEqual([10, 10, 10, 200, 200, 200]);
    const turned = await sharp({ create: { width: 6, height: 2, channels: 3, background: '#808080' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect(await decodeImage(turned, target)).toMatchObject({ width: 2, height: 6 });
  });

  test('transparency looks the same for images that are composited here and for larger ones', async () => {
    const pixels = Buffer.from(
      Uint8Array.from({ length: 4 * 256 * 16 }, (_, i) => (i % 4 === 3 ? (i >> 2) % 256 : (i * 37) % 256)),
    );
    const raw = { raw: { width: 256, height: 16, channels: 4 } } as const;
    const png = await sharp(pixels, raw).png().toBuffer();
    const expected = await sharp(png).flatten({ background: '#ffffff' }).raw().toBuffer();
    const { data } = await decodeImage(png, { kind: 'working', size: 16 });
    expect(Buffer.compare(Buffer.from(data), expected)).toBe(0);
    const shrunk = await decodeImage(png, { kind: 'working', size: 8 });
    const reference = await sharp(png)
      .flatten({ background: '#ffffff' })
      .resize({ width: 128, height: 8, kernel: 'cubic' })
      .raw()
      .toBuffer();
    expect(Buffer.compare(Buffer.from(shrunk.data), reference)).toBe(0);
  });

  test('square: shorter side and center; working and large: shrink, never enlarge', async () => {
    const image = await sharp({ create: { width: 60, height: 30, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    expect(await decodeImage(image, { kind: 'square', size: 16 })).toMatchObject({ width: 16, height: 16 });
    expect(await decodeImage(image, { kind: 'square', size: 50 })).toMatchObject({ width: 50, height: 50 });
    expect(await decodeImage(image, { kind: 'working', size: 16 })).toMatchObject({ width: 32, height: 16 });
    expect(await decodeImage(image, { kind: 'working', size: 99 })).toMatchObject({ width: 60, height: 30 });
    const svg = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="4" height="8"/></svg>',
    );
    // Large: whole, or shrunk to twice the size if at least four times as large.
    expect(await decodeImage(image, { kind: 'large', size: 8 })).toMatchObject({ width: 60, height: 30 });
    expect(await decodeImage(image, { kind: 'large', size: 7 })).toMatchObject({ width: 28, height: 14 });
    const drawn = await decodeImage(svg, { kind: 'square', size: 8 });
    expect([...drawn.data.subarray(0, 3), ...drawn.data.subarray(21, 24)]).toEqual([0, 0, 0, 255, 255, 255]);
  });
});
