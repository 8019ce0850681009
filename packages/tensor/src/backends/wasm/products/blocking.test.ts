import { describe, expect, it } from 'vitest';
import { chooseBlocking } from './blocking.ts';
import { panelWidth } from './pack.ts';

const widths = [16, 8, 4] as const;

describe('panelWidth', () => {
  it('is the narrowest that is wide enough', () => {
    expect([1, 4, 5, 8, 9, 16, 17, 100].map((n) => panelWidth(widths, n))).toEqual([4, 4, 8, 8, 16, 16, 16, 16]);
  });
});

describe('chooseBlocking', () => {
  const sizes = [0, 1, 5, 50, 65, 128, 197, 512, 1008, 4160, 12608, 262144];
  it('covers every product, within the limits of memory', () => {
    for (const batch of [1, 3, 256])
      for (const m of sizes)
        for (const n of sizes)
          for (const k of sizes)
            for (const threads of [1, 2, 16]) {
              const size = { batch, m, n, k };
              const blocking = chooseBlocking(size, { bytes: 4, widths, threads, packsA: true });
              const { columns, paddedColumns, columnBlocks, depth, passes, rows, tallRows, residentB } = blocking;
              const label = JSON.stringify({ size, threads, blocking });
              if (n > 0) expect(columns * columnBlocks >= n && columns * (columnBlocks - 1) < n, label).toBe(true);
              expect(columns % 16 === 0 || columnBlocks <= 1, label).toBe(true);
              expect(depth * passes >= k && (k === 0 || depth * (passes - 1) < k), label).toBe(true);
              // Tall blocks consist of whole blocks, so that each starts at a panel.
              expect(rows % 4 === 0 && (tallRows % Math.max(rows, 4) === 0 || tallRows >= m), label).toBe(true);
              expect(paddedColumns >= columns && paddedColumns < columns + 8, label).toBe(true);
              const packedB = paddedColumns * (residentB ? k : depth) * 4;
              const sums = paddedColumns * tallRows * 4;
              expect(packedB * columns <= paddedColumns * 2 ** 22 && sums <= 2 ** 20, label).toBe(true);
            }
  });

  it('cuts k the same way for every number of threads and every batch', () => {
    for (const k of sizes) {
      const depths = [1, 2, 16].flatMap((threads) =>
        [1, 64].map(
          (batch) => chooseBlocking({ batch, m: 65, n: 77, k }, { bytes: 4, widths, threads, packsA: false }).depth,
        ),
      );
      expect(new Set(depths).size).toBe(1);
    }
  });

  it('splits small products with a long k about equally between two threads', () => {
    const size = { batch: 1, m: 128, n: 128, k: 4160 };
    const { columns, columnBlocks } = chooseBlocking(size, { bytes: 4, widths, threads: 2, packsA: true });
    expect((columnBlocks * 32) % 2).toBe(0);
    expect(columns).toBeGreaterThanOrEqual(64);
  });
});
