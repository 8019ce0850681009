/** Integers of files as tensors. */
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { serializeSafetensors } from '@tessera/tensor/safetensors';
import { beforeAll, expect, test } from 'vitest';
import { parseTensors } from './parse-tensors.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

test('integers of 64, 16 and 8 bits become i32', () => {
  const file = serializeSafetensors([
    { name: 'labels', dtype: 'I64', shape: [3], data: BigInt64Array.of(5n, -100n, 2147483647n) },
    { name: 'short', dtype: 'I16', shape: [2], data: Int16Array.of(-300, 300) },
    { name: 'tiny', dtype: 'I8', shape: [2], data: Int8Array.of(-128, 127) },
  ]);
  const tensors = parseTensors(file, 'labels.safetensors').select((name) => name);
  expect(tensors.get('labels')?.dtype).toBe('i32');
  expect(tensors.get('labels')?.toArraySync()).toEqual([5, -100, 2147483647]);
  expect(tensors.get('short')?.toArraySync()).toEqual([-300, 300]);
  expect(tensors.get('tiny')?.toArraySync()).toEqual([-128, 127]);
});

test('a 64-bit integer that does not fit is named with file and tensor', () => {
  const file = serializeSafetensors([
    { name: 'ids', dtype: 'I64', shape: [2], data: BigInt64Array.of(1n, -2147483649n) },
  ]);
  expect(() => parseTensors(file, 'ids.safetensors').select((name) => name)).toThrow(
    'ids.safetensors: ids: the 64-bit integer -2147483649 at position 1 does not fit i32 (from -2^31 to 2^31 - 1)',
  );
});
