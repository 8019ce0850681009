/** Captions as tensors without unused padding. */
import { describe, expect, it } from 'vitest';
import { withoutPadding } from './pair-tensors.ts';

describe('withoutPadding', () => {
  const rows = Int32Array.of(8, 1, 9, 0, 0, 8, 0, 2, 9, 0);

  it('removes padding that no row needs', () => {
    expect(withoutPadding(rows, 5, 4)).toEqual({ tokens: Int32Array.of(8, 1, 9, 0, 8, 0, 2, 9), length: 4 });
  });

  it('does not change rows if one is longer, or if there is nothing to remove', () => {
    for (const length of [3, 5, 6]) expect(withoutPadding(rows, 5, length)).toEqual({ tokens: rows, length: 5 });
  });
});
