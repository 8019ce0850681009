import { describe, expect, it } from 'vitest';
import { nth } from '../../kernel/nth.ts';
import { packInputs } from './pack.ts';
import type { SlotInfo } from './steps.ts';

const infos: readonly SlotInfo[] = [
  { dtype: 'f32', length: 10, planeSize: 10 },
  { dtype: 'i32', length: 3, planeSize: 3 },
  { dtype: 'f32', length: 2, planeSize: 2 },
  { dtype: 'f32', length: 20, planeSize: 20 },
];

const kernel = {
  name: 'sum',
  source: 'function (a0, a1, a2, a3) {\n  return a0[1] + a1[(k0 * 2)] + a2[this.thread.x] + a3[5];\n}',
  output: [4],
  usesSpecial: false,
  loopTurns: 0,
};

describe('packInputs', () => {
  it('leaves a kernel within the limit unchanged', () => {
    expect(packInputs(kernel, [0, 1, 2, 3], 4, (slot) => nth(infos, slot))).toBeNull();
  });

  it('packs the smallest arrays into one, with both planes of integers', () => {
    const packed = packInputs(kernel, [0, 1, 2, 3], 3, (slot) => nth(infos, slot));
    expect(packed?.packed).toEqual([1, 2]);
    expect(packed?.pack.source).toBe(
      'function (a0, a1) {\n  return (this.thread.x < 6 ? a0[this.thread.x - 0] : a1[this.thread.x - 6]);\n}',
    );
    expect(packed?.pack.output).toEqual([8]);
    expect(packed?.inputs).toEqual([0, 3]);
    expect(packed?.kernel.source).toBe(
      'function (a0, a1, a2) {\n  return a0[1] + a2[0 + (k0 * 2)] + a2[6 + this.thread.x] + a1[5];\n}',
    );
  });
});
