// CIFAR-10 and CIFAR-100 from made-up archives in their layouts: pixels, labels, and what is wrong with broken ones.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataset } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cifar10, cifar100 } from './index.ts';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-cifar-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** A record whose pixel (x, y) is (x, y, blue): three planes, each row by row. */
function record(labels: number[], blue: number): Buffer {
  const planes = [(x: number) => x, (_: number, y: number) => y, () => blue];
  const pixels = planes.flatMap((value) => Array.from({ length: 1024 }, (_, i) => value(i % 32, Math.floor(i / 32))));
  return Buffer.from([...labels, ...pixels]);
}

const names10 = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

function write(folder: string, files: Record<string, string | Buffer>): string {
  const at = path.join(root, folder);
  fs.mkdirSync(at, { recursive: true });
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(at, name), content);
  return at;
}

const tiny10 = (): Record<string, string | Buffer> => ({
  'batches.meta.txt': `${names10.join('\n')}\n\n`,
  'readme.html': '',
  ...Object.fromEntries(
    [1, 2, 3, 4, 5].map((k) => [`data_batch_${k}.bin`, Buffer.concat([record([k], k), record([9], 100 + k)])]),
  ),
  'test_batch.bin': record([0], 255),
});

test('CIFAR-10: archive, folder, and a folder with the archive have the same rows', async () => {
  const folder = write('one/cifar-10-batches-bin', tiny10());
  const archive = path.join(root, 'downloads', 'cifar-10-binary.tar.gz');
  fs.mkdirSync(path.dirname(archive));
  execFileSync('tar', ['-czf', archive, '-C', path.dirname(folder), 'cifar-10-batches-bin']);
  const prints: string[] = [];
  for (const from of [folder, path.dirname(folder), archive, path.dirname(archive)]) {
    const target = path.join(root, 'built10');
    expect((await cifar10.build(target, { from, overwrite: true })).splits).toEqual({ train: 10, test: 1 });
    const state = JSON.parse(fs.readFileSync(path.join(target, 'train', 'state.json'), 'utf8'));
    prints.push(state._fingerprint);
    using dataset = await openDataset(target);
    expect(dataset.split('train').features.label).toEqual({ type: 'class', names: names10 });
    const rows = await dataset.split('train').rows([4, 5]);
    expect(rows.map((row) => row.label)).toEqual([3, 9]);
    const [, second] = rows as unknown as { img: { bytes: Uint8Array } }[];
    const bytes = second?.img.bytes ?? new Uint8Array();
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([32, 32, 3]);
    expect([...data.subarray(3 * (32 * 7 + 20), 3 * (32 * 7 + 21))]).toEqual([20, 7, 103]);
  }
  expect(new Set(prints).size).toBe(1);
});

test('CIFAR-100: coarse label, then fine label', async () => {
  const list = (count: number, name: string): string =>
    Array.from({ length: count }, (_, i) => `${name}${i}\n`).join('');
  const from = write('cifar-100-binary', {
    'coarse_label_names.txt': list(20, 'group'),
    'fine_label_names.txt': list(100, 'class'),
    'train.bin': Buffer.concat([record([3, 99], 1), record([19, 20], 2)]),
    'test.bin': record([0, 50], 3),
  });
  await cifar100.build(path.join(root, 'built100'), { from });
  using dataset = await openDataset(path.join(root, 'built100'));
  const train = dataset.split('train');
  expect(Object.keys(train.features)).toEqual(['img', 'fine_label', 'coarse_label']);
  const rows = await train.rows([0, 1]);
  expect(rows.map((row) => [row.coarse_label, row.fine_label])).toEqual([
    [3, 99],
    [19, 20],
  ]);
  fs.writeFileSync(path.join(from, 'train.bin'), record([20, 0], 1));
  await expect(cifar100.build(path.join(root, 'x'), { from })).rejects.toThrow(
    'train.bin: record 0 has the coarse_label 20; expected less than 20',
  );
});

test('what is missing or damaged is named, and nothing is written', async () => {
  const target = path.join(root, 'none');
  await expect(cifar10.build(target)).rejects.toThrow(
    /must be downloaded first: the binary version, cifar-10-binary.tar.gz/,
  );
  const files = tiny10();
  const from = write('broken', files);
  fs.rmSync(path.join(from, 'data_batch_3.bin'));
  fs.rmSync(path.join(from, 'batches.meta.txt'));
  await expect(cifar10.build(target, { from })).rejects.toThrow('does not contain data_batch_3.bin, batches.meta.txt');
  fs.writeFileSync(path.join(from, 'batches.meta.txt'), names10.join('\n'));
  fs.writeFileSync(path.join(from, 'data_batch_3.bin'), Buffer.alloc(3072));
  await expect(cifar10.build(target, { from })).rejects.toThrow(
    'data_batch_3.bin: has 3072 bytes; expected a multiple of 3073',
  );
  await expect(cifar10.build(target, { from: path.join(root, 'nowhere') })).rejects.toThrow(
    'no such folder or archive',
  );
  const cut = path.join(root, 'cut.tar.gz');
  const whole = fs.readFileSync(path.join(root, 'downloads', 'cifar-10-binary.tar.gz'));
  fs.writeFileSync(cut, whole.subarray(0, whole.length / 2));
  await expect(cifar10.build(target, { from: cut })).rejects.toThrow(/cut.tar.gz: cannot be unpacked/);
  expect(fs.readdirSync(root).filter((name) => name.startsWith('none'))).toEqual([]);
});

describe('the version for Python', () => {
  /** Batches as Python 2 and 3 write them (make-python.py). */
  const pickles: Record<string, string> = JSON.parse(
    fs.readFileSync(path.join(import.meta.dirname, 'python.json'), 'utf8'),
  );
  const bytesOf = (name: string): Buffer => Buffer.from(pickles[name] ?? '', 'base64');
  const files = (batch: string): Record<string, Buffer> => ({
    'batches.meta': bytesOf('names'),
    ...Object.fromEntries([1, 2, 3, 4, 5].map((k) => [`data_batch_${k}`, bytesOf(batch)])),
    test_batch: bytesOf(batch),
  });

  test.each(['python 2', 'protocol 2', 'protocol 3', 'protocol 4', 'protocol 5', 'text keys'])('%s', async (name) => {
    const from = write(`${name}/cifar-10-batches-py`, files(name));
    const target = path.join(root, 'built-python');
    expect((await cifar10.build(target, { from, overwrite: true })).splits).toEqual({ train: 10, test: 2 });
    using dataset = await openDataset(target);
    expect(dataset.split('train').features.label).toEqual({ type: 'class', names: names10 });
    const rows = await dataset.split('train').rows([8, 9]);
    expect(rows.map((row) => row.label)).toEqual([3, 9]);
    const [, second] = rows as unknown as { img: { bytes: Uint8Array } }[];
    const { data } = await sharp(second?.img.bytes).raw().toBuffer({ resolveWithObject: true });
    expect([...data.subarray(3 * (32 * 7 + 20), 3 * (32 * 7 + 21))]).toEqual([20, 7, 103]);
  });

  test('its archive in a folder', async () => {
    const folder = write('archive/cifar-10-batches-py', files('python 2'));
    const archive = path.join(root, 'archive', 'cifar-10-python.tar.gz');
    execFileSync('tar', ['-czf', archive, '-C', path.dirname(folder), 'cifar-10-batches-py']);
    fs.rmSync(folder, { recursive: true });
    for (const from of [archive, path.dirname(archive)])
      expect((await cifar10.build(path.join(root, 'built-archive'), { from, overwrite: true })).splits.train).toBe(10);
  });

  test.each([
    [
      'code',
      'refers to "os.system", which a file of arrays does not need: rejected, because no code from a file is run',
    ],
    ['wide', 'has data of the type i4'],
    ['columns', "Fortran's order"],
    ['names', 'expected an array of NumPy'],
  ])('%s is refused', async (name, message) => {
    const from = write(`${name}/cifar-10-batches-py`, files(name));
    await expect(cifar10.build(path.join(root, 'refused'), { from })).rejects.toThrow(message);
    expect(fs.existsSync(path.join(root, 'refused'))).toBe(false);
  });
});
