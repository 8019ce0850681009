/** Threefry against the known answers of its authors. */
import { expect, test } from 'vitest';
import { nth } from '../kernel/nth.ts';
import { threefry2x32 } from './threefry.ts';

// Known answers of the Random123 library (kat_vectors, threefry2x32 20).
test.each([
  { key: [0, 0], counter: [0, 0], words: [0x6b200159, 0x99ba4efe] },
  {
    key: [0xffffffff, 0xffffffff],
    counter: [0xffffffff, 0xffffffff],
    words: [0x1cb996fc, 0xbb002be7],
  },
  {
    key: [0x13198a2e, 0x03707344],
    counter: [0x243f6a88, 0x85a308d3],
    words: [0xc4923a9c, 0x483df7a0],
  },
])('Threefry-2x32-20 of key $key and counter $counter', ({ key, counter, words }) => {
  const out = new Int32Array(2);
  threefry2x32(nth(key, 0), nth(key, 1), nth(counter, 0), nth(counter, 1), out);
  expect([...new Uint32Array(out.buffer)]).toEqual(words);
});
