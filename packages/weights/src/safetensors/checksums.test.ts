// Checksums in safetensors files.
import { safetensorsChunks } from '@tessera/tensor/safetensors';
import { expect, test } from 'vitest';
import { checkedChunks, verifyChecksums } from './checksums.ts';

const entries = ['a', 'b', 'c', 'd', 'e'].map((name, k) => ({
  ...{ name, dtype: 'F32' as const, shape: [2] },
  data: Float32Array.of(k, 1),
}));
const fileOf = (chunks: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));

test('a file with checksums is accepted, and so is one without', () => {
  expect(() => verifyChecksums(fileOf(checkedChunks(entries, { format: 'pt' })), 'file')).not.toThrow();
  expect(() => verifyChecksums(fileOf(safetensorsChunks(entries)), 'file')).not.toThrow();
});

test('flipped bits are reported with the names of their tensors', () => {
  const bytes = fileOf(checkedChunks(entries, {}));
  const start = bytes.length - 40;
  bytes[start + 9] = 1;
  expect(() => verifyChecksums(bytes, 'file')).toThrow('file: is damaged: the checksum of b does not match');
  for (let k = 0; k < 5; k++) bytes[start + 8 * k + 1] = 7;
  expect(() => verifyChecksums(bytes, 'file')).toThrow('the checksum of a, b, c and 2 other tensors does not match');
});

test.each(['', '[', 'null'])('damaged checksums (%j) are an error', (text) => {
  const bytes = fileOf(safetensorsChunks(entries, { tessera_checksums: text }));
  expect(() => verifyChecksums(bytes, 'file')).toThrow(
    'file: its metadata is damaged: tessera_checksums is not a JSON',
  );
});

test('a tensor without a checksum is an error', () => {
  const bytes = fileOf(safetensorsChunks(entries, { tessera_checksums: '{}' }));
  expect(() => verifyChecksums(bytes, 'file')).toThrow('the checksum of a, b, c and 2 other tensors does not match');
});
