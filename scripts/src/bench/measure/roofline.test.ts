// The roofline.
import { expect, test } from 'vitest';
import { roofOf } from './roofline.ts';

test('a kernel is bound by the part that takes longer', () => {
  const roof = { gflops: 100, gigabytes: 10 };
  expect(roofOf({ operations: 1e9, bytes: 1e6 }, roof)).toEqual({ milliseconds: 10, bound: 'compute' });
  expect(roofOf({ operations: 1e6, bytes: 1e8 }, roof)).toEqual({ milliseconds: 10, bound: 'memory' });
});
