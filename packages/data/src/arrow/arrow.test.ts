// Datasets on disk: round trips, random access, refusals, and damaged files.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../dataset/dataset.ts';
import type { Row } from '../format/shard.ts';
import { type Features, feature, featureFromJson } from './features.ts';
import { DatasetWriter, writeDataset } from './writer.ts';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-arrow-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

const features: Features = {
  image: feature.image(),
  label: feature.classLabel(['cat', 'dog']),
  caption: feature.value('string'),
  captions: feature.list(feature.value('string')),
  small: feature.value('int8'),
  large: feature.value('int64'),
  ratio: feature.value('float32'),
  flag: feature.value('bool'),
  nested: feature.list(feature.list(feature.value('int32'))),
};

/** Row `i`, made so that every column differs from row to row, nulls and empties included. */
function makeRow(i: number): Row {
  return {
    image: i % 7 === 3 ? null : { bytes: Uint8Array.from({ length: i % 50 }, (_, j) => i + j), path: `${i}.png` },
    label: i % 2,
    caption: i % 5 === 4 ? null : `row ${i}, żółć 🐈`,
    captions: Array.from({ length: i % 4 }, (_, j) => `${i}/${j}`),
    small: (i % 256) - 128,
    large: i * 1e12,
    ratio: i / 4,
    flag: i % 3 === 0,
    nested: i % 6 === 5 ? null : Array.from({ length: i % 3 }, (_, j) => Array.from({ length: j }, (_, k) => i + k)),
  };
}

async function makeDataset(name: string, rows: number, options: { batchRows?: number; maxShardBytes?: number } = {}) {
  const directory = path.join(root, name);
  const train = Array.from({ length: rows }, (_, i) => makeRow(i));
  await writeDataset(directory, { features, ...options }, { train, test: [makeRow(1)] });
  return directory;
}

describe('datasets on disk', () => {
  test('rows are read back as written, over several record batches and shards', async () => {
    const directory = await makeDataset('roundtrip', 533, { batchRows: 50, maxShardBytes: 12_000 });
    const shards = fs.readdirSync(path.join(directory, 'train')).filter((name) => name.endsWith('.arrow'));
    expect(shards.length).toBeGreaterThan(2);
    expect(shards[0]).toBe(`data-00000-of-0000${shards.length}.arrow`);
    using dataset = await openDataset(directory);
    expect(Object.keys(dataset.splits)).toEqual(['train', 'test']);
    const train = dataset.split('train');
    expect(train.length).toBe(533);
    expect(train.features).toEqual(features);
    let i = 0;
    for await (const row of train) expect(row).toEqual(makeRow(i++));
    expect(await train.column('caption')).toEqual(Array.from({ length: 533 }, (_, j) => makeRow(j).caption));
    expect(await dataset.split('test').rows([0])).toEqual([makeRow(1)]);
  });

  test('random access returns the same rows as reading in order, for any cache size', async () => {
    const directory = await makeDataset('random', 211, { batchRows: 16, maxShardBytes: 4000 });
    for (const cacheBytes of [0, 2000, 2 ** 20]) {
      using dataset = await openDataset(directory, { cacheBytes });
      const train = dataset.split('train');
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(210), { maxLength: 20 }), async (indices) => {
          expect(await train.rows(indices)).toEqual(indices.map(makeRow));
          const captions = await train.rows(indices, ['caption']);
          expect(captions).toEqual(indices.map((index) => ({ caption: makeRow(index).caption })));
        }),
        { numRuns: 20 },
      );
    }
  });

  test('values larger than the buffers that are read whole', async () => {
    const directory = path.join(root, 'wide');
    const text = (i: number): string => String.fromCharCode(97 + i).repeat(30_000 + i);
    const rows = Array.from({ length: 9 }, (_, i) => ({ text: text(i), bytes: new Uint8Array(40_000).fill(i) }));
    await writeDataset(
      directory,
      { features: { text: feature.value('string'), bytes: feature.value('binary') } },
      { train: rows },
    );
    using dataset = await openDataset(directory);
    for (const i of [8, 0, 5]) expect(await dataset.split('train').row(i)).toEqual(rows[i]);
  });

  test('an empty split keeps its features', async () => {
    const directory = path.join(root, 'empty');
    await writeDataset(directory, { features }, { train: [] });
    using dataset = await openDataset(directory);
    expect(dataset.split('train').length).toBe(0);
    expect(dataset.split('train').features).toEqual(features);
  });

  test('equal rows produce equal files, byte for byte', async () => {
    const [a, b] = [await makeDataset('same-a', 20), await makeDataset('same-b', 20)];
    for (const file of ['train/data-00000-of-00001.arrow', 'train/state.json', 'dataset_dict.json']) {
      expect(fs.readFileSync(path.join(a, file))).toEqual(fs.readFileSync(path.join(b, file)));
    }
  });

  test('older and newer spellings of list features are read', () => {
    const list = feature.list(feature.value('string'));
    const element = { dtype: 'string', _type: 'Value' };
    expect(featureFromJson([element])).toEqual(list);
    expect(featureFromJson({ feature: element, _type: 'Sequence' })).toEqual(list);
    expect(featureFromJson({ feature: element, _type: 'List' })).toEqual(list);
    expect(() => featureFromJson({ _type: 'Audio' }, 'features.sound')).toThrow(
      'features.sound: features of kind Audio are not supported',
    );
  });
});

describe('refusals', () => {
  test('values that do not fit name split, row and column', async () => {
    const attempt = (row: Record<string, unknown>): Promise<unknown> =>
      writeDataset(path.join(root, 'refused'), { features }, { train: [makeRow(0), row] });
    await expect(attempt({ label: 'bird' })).rejects.toThrow('split "train", row 1, column "label": expected one of 2');
    await expect(attempt({ small: 128 })).rejects.toThrow(
      'column "small": expected an integer of type int8, found 128',
    );
    await expect(attempt({ caption: 7 })).rejects.toThrow('column "caption": expected a string, found 7');
    await expect(attempt({ captions: ['a', 2] })).rejects.toThrow('column "captions"[1]: expected a string');
    await expect(attempt({ capton: 'x' })).rejects.toThrow('column "capton" is not one of the features');
    expect(fs.readdirSync(root).filter((name) => name.startsWith('refused'))).toEqual([]);
  });

  test('nothing appears before close, and an existing dataset stays until its replacement is complete', async () => {
    const directory = path.join(root, 'atomic');
    await writeDataset(directory, { features }, { train: [makeRow(0)] });
    await expect(DatasetWriter.create(directory, { features })).rejects.toThrow('exists already');
    const writer = await DatasetWriter.create(directory, { features, overwrite: true });
    await writer.write('train', makeRow(1));
    const before = await openDataset(directory);
    expect(await before.split('train').row(0)).toEqual(makeRow(0));
    before.close();
    await writer.close();
    using after = await openDataset(directory);
    expect(await after.split('train').row(0)).toEqual(makeRow(1));
    expect(fs.readdirSync(root).filter((name) => name.startsWith('atomic'))).toEqual(['atomic']);
  });

  test('missing folders, splits, rows, columns and files are named', async () => {
    const directory = await makeDataset('missing', 20);
    await expect(openDataset(path.join(root, 'nowhere'))).rejects.toThrow('there is no such directory');
    await expect(openDataset(path.join(directory, '..'))).rejects.toThrow('is not a dataset');
    await expect(openDataset(directory, { splits: ['valid'] })).rejects.toThrow(
      'no split "valid"; its splits are train, test',
    );
    using dataset = await openDataset(directory);
    const train = dataset.split('train');
    await expect(train.row(20)).rejects.toThrow('row 20 is not one of its 20 rows');
    await expect(train.row(0, ['captoin'])).rejects.toThrow('no column "captoin"; its columns are image, label');
    fs.rmSync(path.join(directory, 'test', 'data-00000-of-00001.arrow'));
    await expect(openDataset(directory)).rejects.toThrow(/test\/data-00000-of-00001\.arrow: is missing/);
    fs.rmSync(path.join(directory, 'test', 'state.json'));
    await expect(openDataset(directory)).rejects.toThrow(/state\.json: is missing/);
  });
});

describe('damaged Arrow files', () => {
  /** Positions at which a message of a stream starts, and its end. */
  function messageBoundaries(bytes: Buffer): number[] {
    const boundaries = [0];
    for (let at = 0; at < bytes.length; ) {
      const length = bytes.readInt32LE(at + 4);
      if (length === 0) break;
      const header = bytes.subarray(at + 8, at + 8 + length);
      const table = header.readUInt32LE(0);
      const vtable = table - header.readInt32LE(table);
      const bodyField = vtable + 10 < vtable + header.readUInt16LE(vtable) ? header.readUInt16LE(vtable + 10) : 0;
      at += 8 + length + (bodyField ? Number(header.readBigInt64LE(table + bodyField)) : 0);
      boundaries.push(at);
    }
    return boundaries;
  }

  async function readAll(directory: string): Promise<void> {
    using dataset = await openDataset(directory);
    for await (const row of dataset.split('train')) expect(row).toBeDefined();
  }

  test('a file cut anywhere is refused, with its path and byte counts', async () => {
    const directory = await makeDataset('cut', 100, { batchRows: 25 });
    const file = path.join(directory, 'train', 'data-00000-of-00001.arrow');
    const bytes = fs.readFileSync(file);
    const boundaries = messageBoundaries(bytes);
    // The schema, four record batches; the end-of-stream mark takes the last 8 bytes.
    expect(boundaries.length).toBe(6);
    expect(boundaries.at(-1)).toBe(bytes.length - 8);
    const cuts = boundaries.flatMap((at) => [at - 1, at, at + 1, at + 4, at + 8, at + 100]);
    for (const cut of cuts.filter((at) => at >= 0 && at < bytes.length)) {
      fs.writeFileSync(file, bytes.subarray(0, cut));
      await expect(readAll(directory), `cut at ${cut}`).rejects.toThrow(
        /data-00000-of-00001\.arrow: is (empty|truncated|not an Arrow|corrupt).*Build or copy the dataset again/,
      );
    }
    fs.writeFileSync(file, bytes.subarray(0, boundaries[2]));
    await expect(readAll(directory)).rejects.toThrow(`the file ends at byte ${boundaries[2]}`);
    fs.writeFileSync(file, Buffer.concat([bytes, bytes]));
    await expect(readAll(directory)).rejects.toThrow(`but ${bytes.length} bytes follow`);
  });

  test('random damage leads to rows or a readable error, never to a crash or a hang', async () => {
    const directory = await makeDataset('damaged', 40, { batchRows: 10 });
    const file = path.join(directory, 'train', 'data-00000-of-00001.arrow');
    const bytes = fs.readFileSync(file);
    const boundaries = messageBoundaries(bytes);
    let refused = 0;
    const damage = fc.record({
      // Half of the damage is in the headers, where lengths and counts are.
      at: fc.oneof(
        fc.nat(bytes.length - 1),
        fc.tuple(fc.constantFrom(...boundaries), fc.nat(600)).map(([start, add]) => start + add),
      ),
      value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        const copy = Buffer.from(bytes);
        for (const { at, value } of damages) if (at < copy.length) copy[at] = value;
        fs.writeFileSync(file, copy);
        try {
          await readAll(directory);
        } catch (error) {
          refused++;
          expect((error as Error).message).toContain(directory);
        }
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(20);
  });

  test('other formats are recognized', async () => {
    const directory = await makeDataset('other', 5);
    const file = path.join(directory, 'train', 'data-00000-of-00001.arrow');
    fs.writeFileSync(file, 'ARROW1\0\0 and so on, for a while');
    await expect(readAll(directory)).rejects.toThrow(
      'is truncated: it is an Arrow IPC file, and does not end with ARROW1',
    );
    fs.writeFileSync(file, 'PAR1 something else altogether');
    await expect(readAll(directory)).rejects.toThrow('is not an Arrow IPC stream, or is corrupt');
  });
});
