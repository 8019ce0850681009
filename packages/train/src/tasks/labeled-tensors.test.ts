/** Labels as tensors. */
import { beforeAll, expect, it } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { labelTensor } from './labeled-tensors.ts';

beforeAll(useTestBackend);

it('passes labels on, and refuses those that are missing or beyond the classes, with their row', async () => {
  const rows = Int32Array.of(7, 9);
  expect([...(await labelTensor(Int32Array.of(1, 0), rows, 2).data())]).toEqual([1, 0]);
  expect(() => labelTensor(Int32Array.of(1, 2), rows, 2)).toThrow(
    'row 9 has label 2; a label must be one of the 2 classes',
  );
  expect(() => labelTensor(Int32Array.of(-1, 1), rows, 2)).toThrow('row 7 has no label');
});
