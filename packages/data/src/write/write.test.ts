// What is written in each format is read back by our own readers; what other programs read from the same bytes is recorded.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Features, feature } from '../arrow/features.ts';
import { openDataset } from '../dataset/dataset.ts';
import { tarMembers } from '../format/tar-headers.ts';
import { openFile } from '../store/file.ts';
import { type WriteFormatName, writeFormatOf, writeFormats } from './index.ts';
import type { WriteOptions } from './row-writer.ts';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(tmpdir(), 'tessera-write-'));
});
afterAll(() => fs.rmSync(root, { recursive: true }));

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const png = bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 255);
const jpeg = bytes(0xff, 0xd8, 0xff, 0xe0, 0, 7);

/** Every kind of column, with missing values, empty ones, and the largest ones. */
const features: Features = {
  image: feature.image(),
  caption: feature.value('string'),
  large: feature.value('large_string'),
  label: feature.classLabel(['cat', 'dög']),
  data: feature.value('binary'),
  flag: feature.value('bool'),
  i8: feature.value('int8'),
  u16: feature.value('uint16'),
  u32: feature.value('uint32'),
  i64: feature.value('int64'),
  u64: feature.value('uint64'),
  half: feature.value('float16'),
  single: feature.value('float32'),
  double: feature.value('float64'),
  texts: feature.list(feature.value('string')),
  nested: feature.list(feature.list(feature.value('int32'))),
  tags: feature.list(feature.classLabel(['a', 'b'])),
  place: { type: 'struct', members: { x: feature.value('float64'), names: feature.list(feature.value('string')) } },
};
const none = Object.fromEntries(Object.keys(features).map((name) => [name, null]));
const rows = [
  {
    image: { bytes: png, path: 'a.png' },
    caption: 'ein "Löwe"\n, 🦁',
    large: '',
    label: 1,
    data: bytes(0, 1),
    flag: true,
    i8: -128,
    u16: 65535,
    u32: 4294967295,
    i64: Number.MIN_SAFE_INTEGER,
    u64: Number.MAX_SAFE_INTEGER,
    half: 0.5,
    single: 0.25,
    double: 1e300,
    texts: ['a', '', 'é'],
    nested: [[1, 2], [], [-3]],
    tags: [1, 0],
    place: { x: -2, names: [] },
  },
  none,
  {
    image: { bytes: jpeg, path: 'b.png' },
    caption: '',
    large: 'x',
    label: 0,
    data: bytes(),
    flag: false,
    i8: 127,
    u16: 0,
    u32: 0,
    i64: 0,
    u64: 0,
    half: -2,
    single: -0.5,
    double: 3,
    texts: [],
    nested: [],
    tags: [],
    place: { x: 0.5, names: ['n'] },
  },
];

async function write(
  format: WriteFormatName,
  name: string,
  splits: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>,
  options: WriteOptions,
): Promise<string> {
  const target = path.join(root, name);
  const writer = await writeFormats[format].create(target, options);
  try {
    for (const [split, own] of Object.entries(splits)) {
      writer.addSplit(split);
      for (const row of own) await writer.write(split, row);
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return target;
}

async function read(location: string, split = 'train'): Promise<{ features: Features; rows: unknown[] }> {
  using dataset = await openDataset(location);
  const found: unknown[] = [];
  for await (const row of dataset.split(split)) found.push(row);
  return { features: dataset.split(split).features, rows: found };
}

test.each(['arrow', 'parquet'] as const)('%s keeps every kind of column', async (format) => {
  const target = await write(format, `all-${format}`, { train: rows }, { features });
  expect(await read(target)).toEqual({ features, rows });
});

test('integers beyond 2^53 keep all their digits in Parquet', async () => {
  const large = { features: { u64: feature.value('uint64'), i64: feature.value('int64') } };
  const values = [{ u64: 2n ** 64n - 1n, i64: -(2n ** 63n) }];
  expect((await read(await write('parquet', 'large.parquet', { train: values }, large))).rows).toEqual(values);
});

test('tar keeps what it can, and says what it cannot', async () => {
  const plan = writeFormats.tar.plan({
    ...features,
    pictures: feature.list(feature.image()),
    json: feature.value('binary'),
    mask: feature.image(),
  });
  expect(plan.leftOut).toEqual([
    'pictures: a tar file cannot hold pictures or binary data inside of lists and structures',
  ]);
  expect(plan.changes).toEqual([
    'json is written as KEY.json.bin, which is read as column json.bin',
    'mask is written as KEY.mask.png (or .jpg ...), which is read as column mask.png',
    'label, tags: tar files hold the numbers of classes; their names are in dataset_info.json',
  ]);
  const target = await write('tar', 'all-tar', { train: rows }, { features });
  const found = await read(target);
  // Pictures and texts first, then the fields of the JSON; the names of classes are those of dataset_info.json.
  expect(found.features).toEqual({ __key__: feature.value('string'), ...features });
  expect(found.rows).toEqual(
    rows.map((row, k) => ({
      ...row,
      __key__: `00000000${k}`,
      image: row.image === null ? null : { bytes: row.image.bytes, path: `00000000${k}.${k === 0 ? 'png' : 'jpg'}` },
    })),
  );
});

test('members of tar files: endings by the bytes, floats with a point, long and foreign names', async () => {
  const keyed = { __key__: feature.value('string'), image: feature.image(), score: feature.value('float32') };
  const long = `folder/${'é'.repeat(90)}`;
  const values = [
    { __key__: 'a', image: { bytes: jpeg, path: 'a.png' }, score: 1 },
    { __key__: long, image: { bytes: bytes(1, 2), path: 'b.webp' }, score: 2.5 },
    { __key__: 'c', image: { bytes: bytes(3), path: null }, score: null },
  ];
  const target = await write('tar', 'keys.tar', { train: values }, { features: keyed });
  const source = openFile(target);
  const members: [string, string][] = [];
  for await (const { name, start, size } of tarMembers((at, n) => source.read(at, at + n), 0, source.size, true))
    members.push([name, Buffer.from(await source.read(start, start + size)).toString('latin1')]);
  source.close();
  expect(members.map(([name]) => name)).toEqual([`a.jpg`, `a.json`, `${long}.webp`, `${long}.json`, 'c.jpg', 'c.json']);
  expect(members.filter(([name]) => name.endsWith('json')).map(([, text]) => text)).toEqual([
    '{"score": 1.0}',
    '{"score": 2.5}',
    '{"score": null}',
  ]);
  expect(fs.statSync(target).size % 10240).toBe(0);
  expect((await read(target)).rows.map((row) => (row as { __key__: string }).__key__)).toEqual(['a', long, 'c']);
});

test('names of rows that webdataset would not see as one row are errors, and nothing remains', async () => {
  const keyed = { features: { __key__: feature.value('string'), caption: feature.value('string') } };
  for (const keys of [['a', 'a'], ['a.b'], ['a/']])
    await expect(
      write('tar', 'bad-keys', { train: keys.map((key) => ({ __key__: key, caption: 'x' })) }, keyed),
    ).rejects.toThrow(/split "train", row \d: the name .* leave the column out with --columns/);
  const scores = { features: { score: feature.value('float64') } };
  await expect(write('tar', 'bad-keys', { train: [{ score: Number.NaN }] }, scores)).rejects.toThrow(
    'split "train", row 0: column "score" is NaN, which JSON cannot hold',
  );
  expect(fs.readdirSync(root).filter((name) => name.startsWith('bad-keys'))).toEqual([]);
});

test.each(['arrow', 'parquet', 'tar'] as const)('%s: files and groups of a number of rows', async (format) => {
  const numbers = Array.from({ length: 7 }, (_, number) => ({ number }));
  const own = { features: { number: feature.value('int32') }, rowsPerFile: 3 };
  const groups = format === 'tar' ? own : { ...own, rowsPerGroup: 2 };
  const target = await write(format, `parts-${format}`, { train: numbers, test: numbers.slice(0, 1) }, groups);
  using dataset = await openDataset(target);
  const shape = dataset.split('train').files.map(({ batches }) => batches);
  expect(shape).toEqual(format === 'tar' ? [[3], [3], [1]] : [[2, 1], [2, 1], [1]]);
  expect(await dataset.split('train').column('number')).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(await dataset.split('test').column('number')).toEqual([0]);
});

test('splits of any name are found again, and splits without rows where the format allows it', async () => {
  const own = { features: { number: feature.value('int32') } };
  const splits = { 'test-style': [{ number: 1 }], test: [{ number: 2 }], other: [] };
  for (const format of ['arrow', 'parquet'] as const) {
    using dataset = await openDataset(await write(format, `names-${format}`, splits, own));
    const lengths = Object.entries(dataset.splits).map(([name, { length }]) => [name, length]);
    expect(Object.fromEntries(lengths)).toEqual({ 'test-style': 1, test: 1, other: 0 });
  }
});

test('what exists is replaced only if that was asked for, and if it is a file or a dataset', async () => {
  const own = { features: { number: feature.value('int32') } };
  for (const [format, name] of [
    ['arrow', 'kept-arrow'],
    ['parquet', 'kept-parquet'],
    ['tar', 'kept-tar'],
    ['parquet', 'kept.parquet'],
  ] as const) {
    await write(format, name, { train: [{ number: 1 }] }, own);
    const again = { train: [{ number: 2 }] };
    await expect(write(format, name, again, own)).rejects.toThrow('exists already');
    expect((await read(path.join(root, name))).rows).toMatchObject([{ number: 1 }]);
    await write(format, name, again, { ...own, overwrite: true });
    expect((await read(path.join(root, name))).rows).toMatchObject([{ number: 2 }]);
  }
  const foreign = path.join(root, 'foreign');
  fs.mkdirSync(foreign);
  fs.writeFileSync(path.join(foreign, 'thesis.tex'), 'years of work');
  for (const format of ['arrow', 'parquet', 'tar'] as const)
    await expect(write(format, 'foreign', { train: [{ number: 2 }] }, { ...own, overwrite: true })).rejects.toThrow(
      'is a folder that was not written as a dataset',
    );
  expect(fs.readdirSync(foreign)).toEqual(['thesis.tex']);
});

test('one file holds one split', async () => {
  const own = { features: { number: feature.value('int32') } };
  const splits = { train: [{ number: 1 }], test: [{ number: 2 }] };
  await expect(write('parquet', 'two.parquet', splits, own)).rejects.toThrow(
    'one file holds one split, and there are train and test',
  );
  expect(fs.existsSync(path.join(root, 'two.parquet'))).toBe(false);
});

test('the format is that of the ending, or the one that is asked for', () => {
  expect(['a', 'a.tar', 'a.PARQUET', 'a.parquet/b'].map((target) => writeFormatOf(target, undefined))).toEqual([
    'arrow',
    'tar',
    'parquet',
    'arrow',
  ]);
  expect(writeFormatOf('a', 'tar')).toBe('tar');
  expect(() => writeFormatOf('a.tar', 'parquet')).toThrow('a.tar: a file with this ending is of the format tar');
});

/*
 * data-files/written/peers.json holds the SHA-256 of each file and what pyarrow, datasets and webdataset read from it, as
 * data-files/read-written.py writes it. To make it again: TESSERA_WRITTEN=DIR with this test, then the script on DIR.
 */
interface Peers {
  readonly sha256: string;
  readonly rows: readonly unknown[];
}
const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, inner) => {
      if (inner instanceof Uint8Array) return Buffer.from(inner).toString('hex');
      return inner;
    }),
  );

test.each(['parquet', 'tar'] as const)('other programs read the same rows from %s', async (format) => {
  const peers = JSON.parse(
    fs.readFileSync(path.join(import.meta.dirname, '../../data-files/written/peers.json'), 'utf8'),
  ) as Record<string, Peers>;
  const target = await write(format, `peers.${format}`, { train: rows }, { features });
  const file = fs.readFileSync(target);
  if (process.env.TESSERA_WRITTEN !== undefined)
    fs.copyFileSync(target, path.join(process.env.TESSERA_WRITTEN, `peers.${format}`));
  expect(createHash('sha256').update(file).digest('hex')).toBe(peers[format]?.sha256);
  const expected =
    format === 'parquet' ? rows : rows.map(({ image, ...row }) => ({ image: image?.bytes ?? null, ...row }));
  expect(peers[format]?.rows).toEqual(plain(expected));
});
