/** Captions as tensors without unused padding. */
import { describe, expect, it } from 'vitest';
import { withoutPadding } from './pair-tensors.ts';

describe('withoutPadding', () => {
  const zeros = { padToken: 0, endToken: 9 };
  const rows = Int32Array.of(8, 1, 9, 0, 0, 8, 0, 2, 9, 0);

  it('removes padding that no row needs', () => {
    expect(withoutPadding(rows, 5, 4, zeros)).toEqual({ tokens: Int32Array.of(8, 1, 9, 0, 8, 0, 2, 9), length: 4 });
  });

  it('does not change rows if one is longer, or if there is nothing to remove', () => {
    for (const length of [3, 5, 6]) expect(withoutPadding(rows, 5, length, zeros)).toEqual({ tokens: rows, length: 5 });
  });

  it('keeps the end token of each row where it is the padding, too', () => {
    const ends = { padToken: 9, endToken: 9 };
    const padded = Int32Array.of(8, 1, 9, 9, 9, 8, 1, 2, 9, 9);
    expect(withoutPadding(padded, 5, 4, ends)).toEqual({ tokens: Int32Array.of(8, 1, 9, 9, 8, 1, 2, 9), length: 4 });
    expect(withoutPadding(padded, 5, 3, ends)).toEqual({ tokens: padded, length: 5 });
  });
});
