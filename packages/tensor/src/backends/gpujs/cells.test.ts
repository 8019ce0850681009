import { describe, expect, it } from 'vitest';
import { stridedView } from '../../kernel/view.ts';
import { cellBox, threadGrid } from './cells.ts';
import { modes } from './modes.ts';

describe('cellBox', () => {
  it('inverts a store: a transposed one, and a slice of a larger buffer', () => {
    expect(cellBox(stridedView([2, 3], [1, 2]), [2, 3], 6)).toEqual({
      sizes: [3, 2],
      runs: [
        { axis: 0, start: 0, size: 3, members: [{ axis: 1, size: 3, flipped: false }] },
        { axis: 1, start: 0, size: 2, members: [{ axis: 0, size: 2, flipped: false }] },
      ],
    });
    expect(cellBox(stridedView([2, 3], [5, 1], 2), [2, 3], 10)?.runs[1]).toEqual({
      axis: 1,
      start: 2,
      size: 3,
      members: [{ axis: 1, size: 3, flipped: false }],
    });
  });

  it('joins rows whose length does not divide that of the enclosing row', () => {
    // In every ten places, three rows of three places after the first place.
    const box = cellBox(stridedView([2, 3, 3], [10, 3, 1], 1), [2, 3, 3], 20);
    expect(box?.sizes).toEqual([2, 10]);
    expect(box?.runs[1]).toMatchObject({ axis: 1, start: 1, size: 9 });
    expect(box?.runs[1]?.members.map(({ size }) => size)).toEqual([3, 3]);
  });

  it('adds a last axis where elements are not adjacent, and reverses flipped axes', () => {
    const box = cellBox(stridedView([3], [-2], 5), [3], 6);
    expect(box?.sizes).toEqual([3, 2]);
    expect(box?.runs[0]?.members).toEqual([{ axis: 0, size: 3, flipped: true }]);
    expect(box?.runs[1]).toEqual({ axis: 1, start: 1, size: 1, members: [] });
  });

  it('refuses stores that overlap', () => {
    expect(cellBox(stridedView([3, 3], [2, 1]), [3, 3], 7)).toBeNull();
  });
});

describe('threadGrid', () => {
  it('respects the limits of a mode', () => {
    expect(threadGrid([4, 50, 128], modes.webgpu.grid)).toEqual({ output: [128, 50, 4], groups: [[2], [1], [0]] });
    expect(threadGrid([4, 50, 128], modes.cpu.grid)).toEqual({ output: [25600], groups: [[0, 1, 2]] });
    expect(threadGrid([200_000, 2, 3, 5], modes.webgpu.grid)).toEqual({
      output: [30, 200_000],
      groups: [[1, 2, 3], [0]],
    });
    expect(threadGrid([3, 2 ** 20, 3, 2 ** 20], modes.webgpu.grid)).toHaveProperty('reason');
  });
});
