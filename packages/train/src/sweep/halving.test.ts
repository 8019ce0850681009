/** Successive halving: its rungs and promotions, and the statistics over seeds. */
import { describe, expect, it } from 'vitest';
import { halvingRungs, promoted, ranked } from './halving.ts';
import { sampleStd } from './statistics.ts';

const table = (n: number, minEpochs: number, maxEpochs: number, eta: number): number[][] =>
  halvingRungs({ configurations: n, eta, minEpochs, maxEpochs }).map(({ configurations, epochs }) => [
    configurations,
    epochs,
  ]);

describe('the rungs', () => {
  // Li et al. 2018, table 1: R = 81, eta = 3.
  it.each([
    [
      81,
      1,
      [
        [81, 1],
        [27, 3],
        [9, 9],
        [3, 27],
        [1, 81],
      ],
    ],
    [
      34,
      3,
      [
        [34, 3],
        [11, 9],
        [3, 27],
        [1, 81],
      ],
    ],
    [
      15,
      9,
      [
        [15, 9],
        [5, 27],
        [1, 81],
      ],
    ],
    [
      8,
      27,
      [
        [8, 27],
        [2, 81],
      ],
    ],
    [5, 81, [[5, 81]]],
  ])('of the bracket of Hyperband with %i configurations from %i epochs on', (n, epochs, rungs) => {
    expect(table(n, epochs, 81, 3)).toEqual(rungs);
  });

  // n_candidates_ and n_resources_ of HalvingRandomSearchCV, scikit-learn 1.9.1.
  it.each([
    [27, 3, 1, 27, [27, 9, 3, 1], [1, 3, 9, 27]],
    [16, 2, 2, 32, [16, 8, 4, 2, 1], [2, 4, 8, 16, 32]],
    [64, 4, 1, 64, [64, 16, 4, 1], [1, 4, 16, 64]],
  ])('of scikit-learn with n=%i, factor=%i', (n, eta, least, most, candidates, resources) => {
    expect(table(n, least, most, eta)).toEqual(candidates.map((count, k) => [count, resources[k]]));
  });

  it('end with the whole length, also where it is not a power of eta or one configuration is left', () => {
    expect(table(9, 1, 10, 3)).toEqual([
      [9, 1],
      [3, 3],
      [1, 10],
    ]);
    expect(table(20, 2, 25, 3)).toEqual([
      [20, 2],
      [6, 6],
      [2, 25],
    ]);
    expect(table(2, 1, 27, 3)).toEqual([
      [2, 1],
      [1, 27],
    ]);
    expect(table(1, 1, 27, 3)).toEqual([[1, 27]]);
    expect(table(7, 5, 5, 2)).toEqual([[7, 5]]);
  });
});

describe('ranking', () => {
  it('has the best first, equal values in their order, and missing values last', () => {
    expect(ranked([0.3, null, 0.5, 0.3, 0.1], 'max')).toEqual([2, 0, 3, 4, 1]);
    expect(ranked([0.3, null, 0.5, 0.3, 0.1], 'min')).toEqual([4, 0, 3, 2, 1]);
  });

  it('promotes the best in their order, and never a configuration without a value', () => {
    expect(promoted([0.3, null, 0.5, 0.1, 0.3], 2, 'max')).toEqual([0, 2]);
    expect(promoted([null, 2, null], 2, 'min')).toEqual([1]);
  });
});

it('the standard deviation is that of a sample', () => {
  // numpy.std([0.41, 0.45, 0.43, 0.40], ddof=1)
  expect(sampleStd([0.41, 0.45, 0.43, 0.4])).toBeCloseTo(0.02217355782608345, 15);
  expect(sampleStd([0.41])).toBeNull();
});
