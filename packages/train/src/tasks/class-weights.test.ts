/** Weights of classes: scikit-learn's, Cui et al.'s, and by name. */
import { countedSplit } from '@tessera/data/testing/counted-split';
import { describe, expect, it } from 'vitest';
import {
  balancedClassWeights,
  classCounts,
  classWeightsOf,
  effectiveNumberWeights,
  namedClassWeights,
} from './class-weights.ts';

const counts = Float64Array.of(500, 50, 5, 0);
const closeTo = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 12));

describe('weights of classes', () => {
  it("are scikit-learn's compute_class_weight('balanced'); 1 where there are no images", () => {
    expect([...balancedClassWeights(counts)]).toEqual(closeTo([0.37, 3.7, 37, 1]));
  });

  it('are those of the effective number of samples, with a mean of 1', () => {
    // With numpy: w = (1 - 0.99) / (1 - 0.99 ** n); w / w.sum() * 3.
    expect([...effectiveNumberWeights(counts, 0.99)]).toEqual(
      closeTo([0.1261298832804162, 0.31722297128247323, 2.5566471454371107, 1]),
    );
    expect([...effectiveNumberWeights(counts, 0)]).toEqual([1, 1, 1, 1]);
  });

  it('are given by name', () => {
    expect([...namedClassWeights({ b: 2, c: 0.5 }, ['a', 'b', 'c'])]).toEqual([1, 2, 0.5]);
    expect(() => namedClassWeights({ x: 2, b: 1, y: 1 }, ['a', 'b'])).toThrow(
      'loss.classWeights: there is no class "x", "y"; the classes are a, b',
    );
  });

  it('come from the rows of a split', async () => {
    const rows = [0, 2, [0, 2, 2], null, -1, 0];
    const { split } = countedSplit({ label: (row) => rows[row] ?? null }, [rows.length]);
    expect([...(await classCounts(split, 'label', 3))]).toEqual([3, 0, 2]);
    const classes = { split, column: 'label', classNames: ['a', 'b', 'c'] };
    const of = async (classWeights: 'balanced' | 'effectiveNumber' | null): Promise<number[] | undefined> => {
      const beta = classWeights === 'effectiveNumber' ? 0 : 0.999;
      const weights = await classWeightsOf({ classWeights, effectiveNumberBeta: beta }, classes);
      return weights === null ? undefined : [...(await weights.data())];
    };
    expect(await of('balanced')).toEqual([5 / 6, 1, 1.25].map(Math.fround));
    expect(await of('effectiveNumber')).toEqual([1, 1, 1]);
    expect(await of(null)).toBeUndefined();
    await expect(classWeightsOf({ classWeights: 'balanced', effectiveNumberBeta: 0.9 }, classes)).rejects.toThrow(
      'loss.effectiveNumberBeta is 0.9, but loss.classWeights is not effectiveNumber',
    );
  });
});
