/** The strips of histograms in a report. */
import { describe, expect, it } from 'vitest';
import { histogramOf } from '../loop/histograms.ts';
import { commonRange, heatStrip, rebinned } from './histogram-section.ts';

const spread = histogramOf(Array.from({ length: 640 }, (_, k) => k / 639));
const constant = histogramOf([0.25, 0.25]);

describe('histograms in a report', () => {
  it('have a range in common, which is that of the values', () => {
    expect(commonRange([spread, histogramOf([-1, 0.5])])).toEqual([-1, 1]);
    expect(commonRange([spread, constant])).toEqual([0, 1]);
    expect(commonRange([constant])).toEqual([-0.25, 0.75]);
    expect(commonRange([histogramOf([Number.NaN])])).toBeNull();
  });

  it('are distributed over the bins of another range', () => {
    const shares = rebinned(spread, [-1, 1], 4);
    for (const [k, share] of [0, 0, 0.5, 0.5].entries()) expect(shares[k]).toBeCloseTo(share, 12);
    // 32 bins over the same range: two of the histogram's bins each.
    for (const share of rebinned(spread, [0, 1], 32)) expect(share).toBeCloseTo(1 / 32, 2);
    // A bin that is cut: a third of [0, 1] is 64 / 3 bins.
    expect(rebinned(spread, [0, 1], 3).reduce((sum, share) => sum + share)).toBeCloseTo(1, 12);
    expect(rebinned(constant, [0, 1], 4)).toEqual([0, 1, 0, 0]);
  });

  it('are columns of pixels with the largest values on top', () => {
    const { pixels, height, width } = heatStrip([constant, spread], [0, 1]);
    expect([height, width]).toEqual([32, 2]);
    const at = (row: number, column: number): number[] => [
      ...pixels.slice((row * 2 + column) * 3, (row * 2 + column) * 3 + 3),
    ];
    // 0.25 is in the ninth bin from below.
    const dark = Array.from({ length: 32 }, (_, row) => row).filter((row) => at(row, 0)[0] === 43);
    expect(dark).toEqual([23]);
    expect(at(0, 0)).toEqual([255, 255, 255]);
    for (const row of [0, 15, 31]) expect(at(row, 1)[0]).toBeLessThan(60);
  });
});
