// The index of a Parquet file has what hyparquet's own reading of the footer has, for a small part of the memory.
import fs from 'node:fs';
import path from 'node:path';
import { parquetMetadataAsync } from 'hyparquet';
import { expect, test } from 'vitest';
import { openFile } from '../store/file.ts';
import type { ByteSource } from '../store/source.ts';
import { parquetFormat } from './parquet.ts';
import { chunksOf, leavesOf, metadataOf, readIndex } from './parquet-index.ts';

const folder = path.join(import.meta.dirname, '../../data-files/pictures');
const files = fs.readdirSync(folder).filter((name) => name.endsWith('.parquet'));

test.each(files)('every column chunk of %s', async (name) => {
  const bytes = fs.readFileSync(path.join(folder, name));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const whole = await parquetMetadataAsync(buffer as ArrayBuffer, { geoparquet: false });
  const index = await readIndex(openFile(path.join(folder, name)));
  const metadata = metadataOf(index);
  expect({ ...metadata, metadata_length: 0 }).toEqual({ ...whole, row_groups: [], metadata_length: 0 });
  expect([...index.rows]).toEqual(whole.row_groups.map(({ num_rows }) => Number(num_rows)));
  const schema = leavesOf(metadata.schema);
  const columns = schema.map(({ path: own }) => own[0] ?? '');
  for (const [group, { columns: chunks }] of whole.row_groups.entries()) {
    const expected = chunks.map(({ meta_data: own }) => ({
      type: own?.type,
      path_in_schema: own?.path_in_schema,
      codec: own?.codec,
      total_compressed_size: own?.total_compressed_size,
      data_page_offset: own?.dictionary_page_offset ?? own?.data_page_offset,
    }));
    expect(chunksOf(index, group, schema, columns).map(({ meta_data }) => meta_data)).toMatchObject(expected);
    expect(chunksOf(index, group, schema, ['image']).map(({ meta_data }) => meta_data?.path_in_schema)).toEqual([
      ['image', 'bytes'],
      ['image', 'path'],
    ]);
  }
});

/** Numbers as Thrift's compact protocol writes them. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
const integer = (value: number): number[] => varint(value * 2);
const text = (value: string): number[] => [...varint(value.length), ...Buffer.from(value)];
const list = (type: number, elements: readonly number[][]): number[] => [
  0xf0 | type,
  ...varint(elements.length),
  ...elements.flat(),
];
/** Fields as [number, type, content]. */
const struct = (...fields: readonly (readonly [id: number, type: number, content: readonly number[]])[]): number[] => [
  ...fields.flatMap(([id, type, content]) => [type, ...integer(id), ...content]),
  0,
];
const [i32, i64, binary, lists, structs] = [5, 6, 8, 9, 12];

/** A file of which only the footer matters: one column, `x`, of 64-bit integers. */
function fileWith(rowGroups: readonly number[][]): ByteSource {
  const schema = [
    struct([4, binary, text('schema')], [5, i32, integer(1)]),
    struct([1, i32, integer(2)], [3, i32, integer(1)], [4, binary, text('x')]),
  ];
  const footer = struct(
    [1, i32, integer(2)],
    [2, lists, list(structs, schema)],
    [3, i64, integer(9)],
    [4, lists, list(structs, rowGroups)],
    [6, binary, text('by hand')],
  );
  const bytes = new Uint8Array(footer.length + 16);
  bytes.set(Buffer.from('PAR1'));
  bytes.set(footer, 8);
  new DataView(bytes.buffer).setUint32(8 + footer.length, footer.length, true);
  bytes.set(Buffer.from('PAR1'), 12 + footer.length);
  const read = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => bytes.slice(start, end);
  return { url: 'x.parquet', size: bytes.length, tag: '', gap: 0, read, close: () => undefined };
}

/** @param name of the chunk's column @param numbers its codec, compressed bytes and first byte */
const chunk = (name: string, [codec, compressed, start]: readonly [number, number, number]): number[] =>
  struct(
    [2, i64, integer(0)],
    [
      3,
      structs,
      struct(
        [1, i32, integer(2)],
        [3, lists, list(binary, [text(name)])],
        [4, i32, integer(codec)],
        [7, i64, integer(compressed)],
        [9, i64, integer(start)],
        // Statistics, which nobody asks for, with a nested struct of a later version.
        [12, structs, struct([5, binary, text('maximum')], [77, structs, struct([1, i64, integer(5)])])],
      ),
    ],
  );
const group = (rows: number, ...columns: readonly number[][]): number[] =>
  struct([1, lists, list(structs, columns)], [2, i64, integer(1)], [3, i64, integer(rows)]);

test('numbers beyond 32 bits, fields of later versions, and many row groups', async () => {
  const start = 5 * 2 ** 33 + 7;
  const index = await readIndex(
    fileWith(Array.from({ length: 300 }, (_, k) => group(k, chunk('x', [6, 100 + k, start + k])))),
  );
  expect([...index.rows]).toEqual(Array.from({ length: 300 }, (_, k) => k));
  const [only] = chunksOf(index, 299, leavesOf(metadataOf(index).schema), ['x']);
  expect(only?.meta_data).toMatchObject({
    codec: 'ZSTD',
    total_compressed_size: 399n,
    data_page_offset: BigInt(start + 299),
  });
});

test('the index is shared between threads, not copied', async () => {
  const index = await readIndex(fileWith([group(1, chunk('x', [0, 1, 4]))]));
  expect(structuredClone(index).starts.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test.each([
  [
    'rows in other files',
    group(1, struct([1, binary, text('part-0.parquet')])),
    'its rows are in other files, such as "part-0.parquet"; use those',
  ],
  [
    'a column that the schema lacks',
    group(1, chunk('y', [0, 1, 4])),
    'it has values of the column "y", which its schema lacks',
  ],
  [
    'too many columns',
    group(1, chunk('x', [0, 1, 4]), chunk('x', [0, 1, 4])),
    'row group 0 has 2 columns, its schema 1',
  ],
  ['no rows', struct([1, lists, list(structs, [chunk('x', [0, 1, 4])])]), 'row group 0 is damaged'],
  ['structs without end', group(1, [...Array<number>(100).fill(0x1c)]), 'more than 32 levels of structs'],
])('refused: %s', async (_, rowGroup, problem) => {
  await expect(parquetFormat.open(fileWith([rowGroup]))).rejects.toThrow(
    `x.parquet: its footer cannot be read (${problem})`,
  );
});

test('a column that is encrypted, or compressed in an unknown way, does not matter until it is read', async () => {
  const encrypted = struct([2, i64, integer(0)]);
  const shard = await parquetFormat.open(fileWith([group(2, encrypted), group(1, chunk('x', [99, 1, 4]))]));
  expect(shard.blocks.map(({ rows }) => rows)).toEqual([2, 1]);
  await expect(shard.block(0, ['x'])).rejects.toThrow('row group 0 is damaged (its column "x" is encrypted)');
  await expect(shard.block(1, ['x'])).rejects.toThrow(
    'row group 1 is damaged (its column "x" is compressed in an unknown way)',
  );
});
