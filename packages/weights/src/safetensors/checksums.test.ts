// Checksums in safetensors files.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serializeSafetensors } from '@tessera/tensor/safetensors';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSafetensors } from './tensor-files.ts';
import { wholeTensor, writeStored } from './write-stored.ts';

const entries = ['a', 'b', 'c', 'd', 'e'].map((name, k) => ({
  ...wholeTensor({ name, dtype: 'F32', shape: [2] }, () => Float32Array.of(k, 1)),
  data: Float32Array.of(k, 1),
}));

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'checksums-'));
  file = join(folder, 'file.safetensors');
});
afterAll(() => fs.rm(folder, { recursive: true }));

test('a file with checksums is read, and so is one without', async () => {
  await writeStored(file, entries, { format: 'pt' }, { checksums: true });
  const checked = openSafetensors(file);
  expect(checked.tensors.get('c')?.read()).toEqual(Float32Array.of(2, 1));
  // CRC-32 of the bytes of [2, 1], from Python's zlib.crc32.
  expect(JSON.parse(checked.metadata.tessera_checksums as string).c).toBe(2_956_210_774);
  await fs.writeFile(file, serializeSafetensors(entries));
  expect(openSafetensors(file).tensors.size).toBe(5);
});

test('flipped bits are reported with the names of their tensors', async () => {
  await writeStored(file, entries, {}, { checksums: true });
  const bytes = await fs.readFile(file);
  const start = bytes.length - 40;
  bytes[start + 9] = 1;
  await fs.writeFile(file, bytes);
  expect(() => openSafetensors(file)).toThrow(`${file}: is damaged: the checksum of b does not match`);
  for (let k = 0; k < 5; k++) bytes[start + 8 * k + 1] = 7;
  await fs.writeFile(file, bytes);
  expect(() => openSafetensors(file)).toThrow('the checksum of a, b, c and 2 other tensors does not match');
});

test.each(['', '[', 'null'])('damaged checksums (%j) are an error', async (text) => {
  await fs.writeFile(file, serializeSafetensors(entries, { tessera_checksums: text }));
  expect(() => openSafetensors(file)).toThrow(
    `${file}: its metadata is damaged: tessera_checksums is not a JSON object`,
  );
});

test('a tensor without a checksum is an error', async () => {
  await fs.writeFile(file, serializeSafetensors(entries, { tessera_checksums: '{}' }));
  expect(() => openSafetensors(file)).toThrow('the checksum of a, b, c and 2 other tensors does not match');
});
