// Arrow files of other programs: every type, compression, dictionaries, and files that must be refused. Made by data-files/make-arrow.py.
import path from 'node:path';
import { expect, test } from 'vitest';
import { Split } from '../dataset/split.ts';
import { resolveColumns, usualColumns } from '../loader/columns.ts';
import { openFile } from '../store/file.ts';
import type { ByteSource } from '../store/source.ts';
import { openArrow } from './arrow.ts';

const file = (name: string): string => path.join(import.meta.dirname, '../../data-files/arrow', name);
const open = async (name: string): Promise<Split> => new Split('train', name, [await openArrow(openFile(file(name)))]);

/** Row `i` of the files with all types, as make-arrow.py writes it. */
function expectedRow(i: number): Record<string, unknown> {
  const text = i === 2 ? null : `row ${String(i).repeat(1 + 20 * i)}`;
  const bytes = text === null ? null : new TextEncoder().encode(text);
  const list = i === 1 ? null : Array.from({ length: i }, (_, k) => 10 * i + k);
  return {
    null: null,
    utf8View: text,
    binaryView: bytes,
    largeText: text,
    largeBinary: bytes,
    fixedBinary: Uint8Array.of(i, i + 1),
    list,
    largeList: list,
    listView: list,
    largeListView: list,
    fixedList: [i, i + 1],
    viewList: [text],
    dictionary: ['cat', null, 'dog', 'cat'][i],
    dictionaryOfLists: [[2, 3], [1], [2, 3], null][i],
    half: i / 2,
    flag: i % 2 === 0,
    caption: `caption ${i}`,
  };
}

const unread = 'decimal date time taken interval duration map sparse dense runs'.split(' ');

/** The same file without reading at once, as remote files are. */
const remote = (source: ByteSource): ByteSource => {
  const { readSync: _, ...rest } = source;
  return { ...rest, gap: 50 };
};

test.each(['types', 'types-lz4', 'types-zstd', 'types-file'])('every type is read or skipped: %s', async (name) => {
  for (const change of [(source: ByteSource) => source, remote]) {
    using split = new Split('train', name, [await openArrow(change(openFile(file(`${name}.arrow`))))]);
    expect(split.length).toBe(4);
    const columns = split.columns.filter((column) => column !== 'image' && column !== 'null');
    for (let i = 0; i < 4; i++) {
      const { null: nothing, ...expected } = expectedRow(i);
      expect(await split.row(i, columns)).toEqual(expected);
      expect(await split.row(i, ['caption'])).toEqual({ caption: `caption ${i}` });
    }
    const { image } = await split.row(3, ['image']);
    expect(image).toMatchObject({ path: '3.png' });
    expect((image as { bytes: Uint8Array }).bytes.subarray(1, 4)).toEqual(new TextEncoder().encode('PNG'));
    for (const column of unread) {
      expect(split.features[column]?.type).toBe('other');
      await expect(split.row(0, [column])).rejects.toThrow(/column ".*" is of type .*, which cannot be read/);
    }
  }
});

test.each(['long-lz4', 'long-zstd'])('buffers of several compressed blocks: %s', async (name) => {
  using split = await open(`${name}.arrow`);
  const [first, second] = await split.rows([0, 1]);
  expect(first?.caption).toBe('ab'.repeat(150_000));
  const text = second?.caption as string;
  expect(text).toBe(text.slice(0, 2000).repeat(40));
  expect([first?.noise, second?.noise].map((noise) => (noise as Uint8Array).length)).toEqual([900, 30]);
});

test('dictionaries that grow or are replaced belong to the record batches that follow them', async () => {
  using grown = await open('dictionary-delta.arrow');
  expect(await grown.column('word')).toEqual(['b', 'a', 'c', 'a', 'd', 'a']);
  using replaced = await open('dictionary-replaced.arrow');
  expect(await replaced.column('word')).toEqual(['b', 'a', 'z', 'x', 'q', 'q']);
});

test('columns that nobody asked for do not matter; the others keep their declared kinds', async () => {
  using split = await open('array2d-unneeded.arrow');
  expect(split.features.image).toEqual({ type: 'image' });
  expect(split.features.taken).toEqual({ type: 'other', dtype: 'Timestamp' });
  expect((await split.row(1, ['boxes'])).boxes).toEqual([[1, 2]]);
  const { image, captions } = usualColumns;
  const found = resolveColumns(split.features, { image, captions }, 'file');
  expect(found).toMatchObject({ image: { column: 'image' }, captions: { column: 'caption' } });
});

test('a plain binary column serves as image', async () => {
  using split = await open('image-binary.arrow');
  const found = resolveColumns(split.features, { image: usualColumns.image }, 'file');
  expect(found.image?.column).toBe('image');
});

test('big-endian numbers and headers that refer to themselves are refused at once, with the file', async () => {
  await expect(open('big-endian.arrow')).rejects.toThrow(
    /big-endian\.arrow: is an Arrow file whose numbers are big-endian, and only little-endian files are read/,
  );
  await expect(open('self-reference.arrow')).rejects.toThrow(
    /self-reference\.arrow: is corrupt: the schema \(byte 8\): impossible counts in its metadata/,
  );
  await expect(open('negative-count.arrow')).rejects.toThrow(
    /negative-count\.arrow: .*impossible counts in the schema/,
  );
});
