// Building of datasets from folders: captions, classes, splits, and all errors.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataset, type Row } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { buildFromFolder } from './index.ts';

let root: string;
let source: string;
let target: string;
let png: Buffer;
let jpeg: Buffer;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-folder-'));
  const plain = sharp({ create: { width: 40, height: 30, channels: 3, background: '#c04020' } });
  png = await plain.clone().png().toBuffer();
  jpeg = await plain.clone().jpeg().toBuffer();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
let number = 0;
beforeEach(() => {
  source = path.join(root, `source-${++number}`);
  target = path.join(root, `built-${number}`);
  fs.mkdirSync(source);
});

function put(files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    fs.writeFileSync(path.join(source, name), content);
  }
}

async function readBack(): Promise<Record<string, Row[]>> {
  using dataset = await openDataset(target);
  const splits: Record<string, Row[]> = {};
  for (const [name, split] of Object.entries(dataset.splits))
    splits[name] = await split.rows([...Array(split.length).keys()]);
  return splits;
}

const files = (rows: Row[] | undefined): unknown[] => (rows ?? []).map((row) => (row.image as { path: string }).path);

describe('with captions', () => {
  test('CSV: quoted captions, several rows of one image, files as they are', async () => {
    put({
      'captions.csv':
        '\ufeffimage,caption\na.png,"A cat, asleep"\nb.jpg,A dog\na.png,"He said ""miau"""\n\nc.png,A dog\n',
      'a.png': png,
      'b.jpg': jpeg,
      'c.png': png,
    });
    const report = await buildFromFolder(source, target, { testShare: 0 });
    expect(report).toMatchObject({ kind: 'captions', splits: { train: 3 }, classes: [], skipped: [] });
    const { train = [] } = await readBack();
    expect(files(train)).toEqual(['a.png', 'b.jpg', 'c.png']);
    expect(train.map((row) => row.captions)).toEqual([['A cat, asleep', 'He said "miau"'], ['A dog'], ['A dog']]);
    // Images with equal captions have the same concept, so they are not treated as negatives.
    expect(train.map((row) => row.concept)).toEqual([0, 1, 1]);
    expect(train[1]?.image).toEqual({ bytes: new Uint8Array(jpeg), path: 'b.jpg' });
  });

  test('JSONL: lists of captions, labels, splits, columns by name', async () => {
    const rows = [
      { picture: 'a.png', words: ['one', 'two'], label: 'x', split: 'train' },
      { picture: 'b.jpg', words: 'three', label: 'y', split: 'test' },
    ];
    put({ 'list.jsonl': rows.map((row) => JSON.stringify(row)).join('\n'), 'a.png': png, 'b.jpg': jpeg });
    const report = await buildFromFolder(source, target, { imageColumn: 'picture', captionColumn: 'words' });
    expect(report).toMatchObject({ splits: { train: 1, test: 1 }, classes: ['x', 'y'] });
    const { train = [], test: held = [] } = await readBack();
    expect(train).toMatchObject([{ captions: ['one', 'two'], label: 0 }]);
    expect(held).toMatchObject([{ captions: ['three'], label: 1 }]);
  });

  test('folders of splits, each with its file', async () => {
    put({
      'train/metadata.csv': 'file_name,text\nx/a.png,A\n',
      'train/x/a.png': png,
      'val/metadata.csv': 'file_name,text\nb.png,B\n',
      'val/b.png': png,
    });
    const report = await buildFromFolder(source, target);
    expect(report.splits).toEqual({ train: 1, validation: 1 });
    expect(files((await readBack()).train)).toEqual(['train/x/a.png']);
  });

  test('all problems at once, with their lines, and nothing is built', async () => {
    put({ 'captions.csv': 'image,caption\na.png,A cat\nb.png,A dog\na.png,\n"c\n.png",x,y\n,z\n', 'a.png': png });
    const failure = buildFromFolder(source, target);
    await expect(failure).rejects.toThrow(
      /captions\.csv: one problem, nothing was built:\n {2}line 5: 3 fields, but the first line has 2$/,
    );
    put({ 'captions.csv': 'image,caption\na.png,A cat\nb.png,A dog\n"a.png","  "\n"c\n.png",x\n,z\n' });
    const messages = [
      'captions.csv: 4 problems, nothing was built:',
      '  line 3: b.png does not exist',
      '  line 4: the caption ("caption") is empty',
      '  line 5: c\n.png does not exist',
      '  line 7: the image\'s name ("image") is empty',
    ];
    await expect(buildFromFolder(source, target)).rejects.toThrow(messages.join('\n'));
    expect(fs.readdirSync(root).filter((name) => name.startsWith(`built-${number}`))).toEqual([]);
  });

  test.each([
    ['image,caption,image\n', 'line 1: there are two columns "image"'],
    ['image,,caption\n', 'line 1: column 2 has no name'],
    ['picture,caption\na.png,x\n', 'no column for the image: expected image, file_name'],
    ['image,words\na.png,x\n', 'no column for the caption: expected caption'],
    ['image,caption\n', 'it has no rows'],
    ['', 'it is empty; expected the names of the columns in the first line'],
    ['image,caption\na.png,"x\n', 'Quote Not Closed'],
    ['image,caption,split\na.png,x,tset\n', 'line 2: unknown split "tset"; expected one of train, test, validation'],
    ['image,caption,label\na.png,x,1\na.png,y,2\n', 'line 3: a.png has another label in an earlier line: 1'],
  ])('%j is rejected', async (csv, message) => {
    put({ 'captions.csv': csv, 'a.png': png });
    await expect(buildFromFolder(source, target)).rejects.toThrow(message);
  });

  test.each([
    ['line ends of all kinds', 'captions.csv', 'image,caption\r\na.png,one\nb.png,two\rc.png,three\n'],
    ['semicolons', 'captions.csv', 'image;caption\na.png;one\nb.png;two\nc.png;three\n'],
    ['tabs in a .csv file', 'captions.csv', 'image\tcaption\na.png\tone\nb.png\ttwo\nc.png\tthree\n'],
    [
      'vertical bars, space around fields',
      'captions.csv',
      'image | caption\n a.png | one\nb.png|"two" \nc.png| three\n',
    ],
    ['names of columns in capitals', 'captions.csv', 'Image,Caption\na.png,one\nb.png,two\nc.png,three\n'],
    [
      'a byte order mark before JSON',
      'captions.jsonl',
      '\ufeff{"image":"a.png","caption":"one"}\n{"image":"b.png","caption":"two"}\n{"image":"c.png","caption":"three"}',
    ],
    ['UTF-16', 'captions.csv', Buffer.from('\ufeffimage,caption\na.png,one\nb.png,two\nc.png,three\n', 'utf16le')],
    ['backslashes in paths', 'captions.csv', 'image,caption\n.\\a.png,one\n.\\b.png,two\n.\\c.png,three\n'],
  ])('%s', async (_, name, content) => {
    put({ [name]: content, 'a.png': png, 'b.png': png, 'c.png': png });
    await buildFromFolder(source, target, { testShare: 0 });
    expect((await readBack()).train?.map((row) => row.captions)).toEqual([['one'], ['two'], ['three']]);
  });

  test('quotes within a field that is not quoted are characters', async () => {
    put({
      'captions.tsv': 'image\tcaption\na.png\t"Best" of show\na.png\tsay "hi"\na.png\t"say ""ho"" now"\n',
      'a.png': png,
    });
    await buildFromFolder(source, target, { testShare: 0 });
    expect((await readBack()).train?.[0]?.captions).toEqual(['"Best" of show', 'say "hi"', 'say "ho" now']);
  });

  test('line separators of Unicode within JSON strings', async () => {
    put({ 'captions.jsonl': '{"image":"a.png","caption":"one\u2028two\u2029three\u0085four"}\n', 'a.png': png });
    await buildFromFolder(source, target, { testShare: 0 });
    expect((await readBack()).train?.[0]?.captions).toEqual(['one\u2028two\u2029three\u0085four']);
  });

  test('bytes that are not UTF-8 are refused, or read with the encoding that is named', async () => {
    put({
      'captions.csv': Buffer.from('image,caption\na.png,x\nb.png,caf\xe9\n', 'latin1'),
      'a.png': png,
      'b.png': png,
    });
    await expect(buildFromFolder(source, target)).rejects.toThrow(
      'line 3: "b.png,caf\ufffd" is not UTF-8; save the file as UTF-8, or name its encoding, such as windows-1252',
    );
    await expect(buildFromFolder(source, target, { encoding: 'latin99' })).rejects.toThrow(
      'encoding latin99 is not known',
    );
    await buildFromFolder(source, target, { testShare: 0, encoding: 'windows-1252' });
    expect((await readBack()).train?.map((row) => row.captions)).toEqual([['x'], ['caf\u00e9']]);
  });

  test('absolute paths within a split; images that are not listed are reported', async () => {
    const file = path.join(source, 'train/a.png');
    put({ 'train/captions.csv': `image,caption\n${file},one\n`, 'train/a.png': png, 'train/more/b.png': png });
    const report = await buildFromFolder(source, target);
    expect(report.splits).toEqual({ train: 1 });
    expect(report.leftOut).toEqual([{ file: 'train/more/b.png', reason: 'is not listed in captions.csv' }]);
  });

  test('a caption file that does not exist', async () => {
    await expect(buildFromFolder(source, target, { captions: 'missing.csv' })).rejects.toThrow(
      /missing\.csv: there is no such file$/,
    );
  });

  test('invalid JSONL', async () => {
    put({ 'captions.jsonl': '{"image":"a.png","caption":"x"}\n[1]\n{"image":"a.png","caption":3}\n', 'a.png': png });
    await expect(buildFromFolder(source, target)).rejects.toThrow('line 2: is not a JSON object');
    put({ 'captions.jsonl': '{"image":"a.png","caption":"x"}\n{"image":"a.png","caption":3}\n' });
    await expect(buildFromFolder(source, target)).rejects.toThrow('line 2: a caption ("caption") is not a string');
  });

  test('two tables without a usual name', async () => {
    put({ 'a.csv': 'image,caption\n', 'b.csv': 'image,caption\n' });
    await expect(buildFromFolder(source, target)).rejects.toThrow(
      'several files may contain the captions (a.csv, b.csv); specify one of them',
    );
  });
});

describe('with class folders', () => {
  test('each sub-folder is a class; a hash of the name decides the split', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `${i % 2 ? 'dogs' : 'cats'}/deep/${i}.png`);
    put({ ...Object.fromEntries(names.map((name) => [name, png])), 'cats/.DS_Store': '', 'cats/notes.txt': 'hello' });
    const report = await buildFromFolder(source, target, { testShare: 0.25 });
    expect(report).toMatchObject({ kind: 'classes', classes: ['cats', 'dogs'] });
    const { train = [], test: held = [] } = await readBack();
    expect(train.length + held.length).toBe(40);
    expect(held.length).toBeGreaterThan(3);
    for (const row of [...train, ...held]) {
      expect((row.image as { path: string }).path.startsWith(row.label === 0 ? 'cats/' : 'dogs/')).toBe(true);
    }
    // Additional files do not change the splits of the others.
    put({ 'cats/another.png': png });
    await buildFromFolder(source, target, { testShare: 0.25, overwrite: true });
    const again = await readBack();
    expect(files(again.test).filter((name) => name !== 'cats/another.png')).toEqual(files(held));
  });

  test('every file is read or named: by its content where the ending does not tell', async () => {
    const rows = Buffer.from('P6 1 1 255\n\xff\x00\x00', 'latin1');
    put({ 'x/a.JFIF': jpeg, 'x/b': png, 'x/c.ppm': rows, 'x/d.heic': 'nonsense', 'x/e.txt': 'hello', 'f.md': 'hello' });
    fs.mkdirSync(path.join(root, `elsewhere-${number}`));
    fs.writeFileSync(path.join(root, `elsewhere-${number}/g.png`), png);
    fs.symlinkSync(path.join(root, `elsewhere-${number}`), path.join(source, 'y'));
    fs.symlinkSync(path.join(source, 'x'), path.join(source, 'x/above'));
    const report = await buildFromFolder(source, target, { testShare: 0 });
    expect(files((await readBack()).train)).toEqual(['x/a.JFIF', 'x/b', 'x/c.ppm', 'y/g.png']);
    expect(report.skipped.map(({ file }) => file)).toEqual(['x/d.heic']);
    expect(report.leftOut).toEqual([
      { file: 'f.md', reason: 'is not in a class folder' },
      { file: 'x/above', reason: 'is a symbolic link to a folder that contains it' },
      { file: 'x/e.txt', reason: 'is not an image' },
    ]);
  });

  test('folders of splits over the classes', async () => {
    put({ 'train/cat/a.png': png, 'train/dog/b.png': png, 'test/cat/c.png': png });
    const report = await buildFromFolder(source, target);
    expect(report).toMatchObject({ splits: { train: 2, test: 1 }, classes: ['cat', 'dog'] });
  });

  test('inconsistent folders', async () => {
    await expect(buildFromFolder(path.join(root, 'nowhere'), target)).rejects.toThrow(
      'nowhere: there is no such folder',
    );
    await expect(buildFromFolder(source, target)).rejects.toThrow('contains no images');
    put({ 'a.png': png, 'cat/b.png': png, 'empty/readme.txt': '' });
    await expect(buildFromFolder(source, target)).rejects.toThrow(
      /1 images, such as a\.png, are not in a class folder.*\n.*empty contains no images/,
    );
    fs.rmSync(path.join(source, 'a.png'));
    fs.rmSync(path.join(source, 'empty'), { recursive: true });
    put({ 'train/cat/b.png': png });
    await expect(buildFromFolder(source, target)).rejects.toThrow(
      'contains folders of splits (train) and other folders (cat)',
    );
  });
});

describe('images', () => {
  test('images that cannot be decoded are left out and reported; with strict they are an error', async () => {
    put({ 'cat/a.png': png, 'cat/b.png': 'nonsense', 'cat/c.jpg': jpeg.subarray(0, jpeg.length / 2) });
    const report = await buildFromFolder(source, target, { testShare: 0 });
    expect(report.splits).toEqual({ train: 1 });
    expect(report.skipped.map(({ file }) => file)).toEqual(['cat/b.png', 'cat/c.jpg']);
    expect(report.skipped[0]?.reason).toMatch(/cannot be decoded \(.*unsupported image format/);
    const strict = buildFromFolder(source, target, { testShare: 0, strict: true, overwrite: true });
    await expect(strict).rejects.toThrow(/cat\/b\.png: cannot be decoded/);
    expect(files((await readBack()).train)).toEqual(['cat/a.png']);
    fs.rmSync(path.join(source, 'cat/a.png'));
    await expect(buildFromFolder(source, target, { testShare: 0, overwrite: true })).rejects.toThrow(
      'none of its 2 images can be decoded',
    );
  });

  test('large images are resized on request, and SVGs are rasterized', async () => {
    put({
      'x/a.jpg': jpeg,
      'x/b.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 20"><rect width="5" height="5"/></svg>',
    });
    await buildFromFolder(source, target, { testShare: 0, maxSize: 15 });
    const { train = [] } = await readBack();
    const sizes = await Promise.all(
      train.map(async (row) => {
        const { width, height, format } = await sharp((row.image as { bytes: Uint8Array }).bytes).metadata();
        return { width, height, format };
      }),
    );
    expect(sizes).toEqual([
      { width: 20, height: 15, format: 'jpeg' },
      { width: 15, height: 30, format: 'png' },
    ]);
  });

  test('progress is reported', async () => {
    put({ 'x/a.png': png, 'x/b.png': png });
    const reported: number[] = [];
    await buildFromFolder(source, target, {
      testShare: 0,
      onProgress: ({ done, total }) => reported.push(done / total),
    });
    expect(reported).toEqual([0.5, 1]);
  });
});
