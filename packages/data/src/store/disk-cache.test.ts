// Ranges of remote files on disk: read once, checked, and given up when the folder is full.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DiskCache, diskCacheOf } from './disk-cache.ts';
import type { ByteSource } from './source.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-cache-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A remote file of 1,000 bytes, which counts the ranges that are read from it. */
function remote(tag: string): { source: ByteSource; reads: string[] } {
  const reads: string[] = [];
  const source: ByteSource = {
    url: 'https://host/file',
    size: 1000,
    tag,
    gap: 0,
    async read(start, end) {
      reads.push(`${start}-${end}`);
      return Uint8Array.from({ length: end - start }, (_, i) => (start + i) & 255);
    },
    close: () => undefined,
  };
  return { source, reads };
}

const filesOf = (): string[] =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [path.join(entry.parentPath, entry.name)] : []));

test('a range is read once, and another version of the file again', async () => {
  const { source, reads } = remote('"a"');
  const first = new DiskCache(folder, 1e6).wrap(source);
  const bytes = await first.read(10, 20);
  // Another process.
  const second = new DiskCache(folder, 1e6).wrap(source);
  expect(await second.read(10, 20)).toEqual(bytes);
  expect(await second.read(10, 21)).toHaveLength(11);
  expect(reads).toEqual(['10-20', '10-21']);
  const changed = remote('"b"');
  await new DiskCache(folder, 1e6).wrap(changed.source).read(10, 20);
  expect(changed.reads).toEqual(['10-20']);
  const unknown = remote('');
  expect(new DiskCache(folder, 1e6).wrap(unknown.source)).toBe(unknown.source);
});

test('damaged files are read again', async () => {
  const { source, reads } = remote('"a"');
  const cached = new DiskCache(folder, 1e6).wrap(source);
  const bytes = await cached.read(0, 100);
  const [file] = filesOf() as [string];
  const stored = fs.readFileSync(file);
  stored[50] = (stored[50] as number) ^ 1;
  fs.writeFileSync(file, stored);
  expect(await cached.read(0, 100)).toEqual(bytes);
  expect(reads).toHaveLength(2);
  expect(await cached.read(0, 100)).toEqual(bytes);
  expect(reads).toHaveLength(2);
});

test('beyond the limit, what was not used for the longest time is removed', async () => {
  const { source, reads } = remote('"a"');
  const cached = new DiskCache(folder, 5 * 132).wrap(source);
  for (let k = 0; k < 5; k++) {
    await cached.read(100 * k, 100 * k + 100);
    // Files of earlier seconds, in the order of their use.
    for (const file of filesOf()) {
      const { mtimeMs } = fs.statSync(file);
      fs.utimesSync(file, new Date(mtimeMs - 1000), new Date(mtimeMs - 1000));
    }
  }
  await cached.read(0, 100);
  expect(reads).toHaveLength(5);
  await cached.read(500, 600);
  expect(filesOf().length).toBeLessThan(6);
  await cached.read(0, 100);
  expect(reads).toHaveLength(6);
  await cached.read(100, 200);
  expect(reads.at(-1)).toBe('100-200');
});

test('the environment decides', () => {
  expect(diskCacheOf({})).toBeNull();
  expect(diskCacheOf({ TESSERA_CACHE: folder })).toBeInstanceOf(DiskCache);
  expect(() => diskCacheOf({ TESSERA_CACHE: folder, TESSERA_CACHE_GIGABYTES: 'many' })).toThrow(
    'TESSERA_CACHE_GIGABYTES is many; expected a number above 0',
  );
});
