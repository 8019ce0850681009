// Parquet and tar files become dataset folders with the same rows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, type Row } from '@tessera/data';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { convertDataset } from './convert.ts';

const pictures = join(import.meta.dirname, '../../packages/data/data-files/pictures');
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tessera-convert-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function rowsOf(location: string): Promise<Row[]> {
  using dataset = await openDataset(location);
  const rows: Row[] = [];
  for await (const row of dataset.split('train')) rows.push(row);
  return rows;
}

test.each([
  ['pictures-zstd.parquet', ['taken (TIMESTAMP)']],
  ['pictures-ustar.tar', []],
])('%s', async (name, leftOut) => {
  const target = join(root, name.replace('.', '-'));
  const seen: number[] = [];
  const report = await convertDataset(join(pictures, name), target, { onProgress: ({ done }) => seen.push(done) });
  expect(report).toEqual({ path: target, splits: { train: 6 }, leftOut });
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await rowsOf(target)).toEqual(await rowsOf(join(pictures, name)));
  await expect(convertDataset(join(pictures, name), target)).rejects.toThrow('exists already');
});
