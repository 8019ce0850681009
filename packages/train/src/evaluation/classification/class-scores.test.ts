/** Precision, recall and F1 of classes: held against scikit-learn 1.9's `classification_report` with `zero_division=0`. */
import { describe, expect, it } from 'vitest';
import { balancedAccuracy, ClassCounter, intersectionOverUnion, scoreClasses } from './class-scores.ts';

const close = (precision: number, recall: number, f1: number) => ({
  precision: expect.closeTo(precision, 14),
  recall: expect.closeTo(recall, 14),
  f1: expect.closeTo(f1, 14),
});

describe('scores of classes', () => {
  // Class 2 is never predicted, class 4 has no examples, and class 5 has neither examples nor predictions.
  const truths = [
    0, 1, 2, 0, 2, 0, 3, 2, 1, 0, 0, 0, 0, 1, 2, 3, 0, 2, 0, 2, 1, 0, 3, 2, 2, 2, 2, 3, 0, 1, 2, 0, 2, 0, 3, 2, 1, 0, 0,
    0,
  ];
  const predictions = [
    1, 1, 3, 1, 1, 1, 3, 3, 1, 0, 1, 0, 1, 1, 4, 4, 0, 3, 0, 1, 1, 0, 4, 1, 1, 0, 1, 4, 0, 1, 3, 0, 3, 0, 3, 3, 3, 1, 0,
    0,
  ];
  const counter = new ClassCounter(6);
  counter.add(truths.slice(0, 17), predictions.slice(0, 17));
  counter.add(truths.slice(17), predictions.slice(17));
  const scored = scoreClasses(counter.counts, 'occurring');

  it('are those of each class', () => {
    expect(scored.perClass).toEqual([
      { ...close(0.9090909090909091, 0.625, 0.7407407407407407), support: 16 },
      { ...close(0.3125, 0.8333333333333334, 0.45454545454545453), support: 6 },
      { ...close(0, 0, 0), support: 13 },
      { ...close(0.2222222222222222, 0.4, 0.2857142857142857), support: 5 },
      { ...close(0, 0, 0), support: 0 },
      { ...close(0, 0, 0), support: 0 },
    ]);
  });

  it('are averaged over the classes that occur, and over all decisions', () => {
    expect(scored.micro).toEqual(close(0.425, 0.425, 0.425));
    expect(scored.macro).toEqual(close(0.2887626262626263, 0.3716666666666667, 0.29620009620009624));
    expect(scored.weighted).toEqual(close(0.43828914141414144, 0.425, 0.4001924001924001));
  });

  it('are averaged over all classes on demand', () => {
    const { macro, weighted } = scoreClasses(counter.counts, 'all');
    expect(macro).toEqual(
      close((0.2887626262626263 * 5) / 6, (0.3716666666666667 * 5) / 6, (0.29620009620009624 * 5) / 6),
    );
    expect(weighted).toEqual(scored.weighted);
  });

  it('have a balanced accuracy, over the classes with examples', () => {
    expect(balancedAccuracy(scored.perClass)).toBeCloseTo(0.46458333333333335, 14);
  });

  it('have an overlap: jaccard_score', () => {
    const expected = [0.5882352941176471, 0.29411764705882354, 0, 0.16666666666666666, 0, 0];
    for (const [c, counts] of counter.counts.entries())
      expect(intersectionOverUnion(counts)).toBeCloseTo(expected[c] ?? Number.NaN, 14);
  });

  it('count a decision that is not accepted as wrong for its class', () => {
    const found = new ClassCounter(2);
    found.add([0, 0, 1], [0, 0, 0], { accepted: [1, 0, 1] });
    expect(found.counts).toEqual([
      { hits: 1, predicted: 3, support: 2 },
      { hits: 0, predicted: 0, support: 1 },
    ]);
  });

  it('are 0 where nothing was counted', () => {
    const { micro, macro, weighted } = scoreClasses(new ClassCounter(2).counts, 'occurring');
    expect([micro, macro, weighted]).toEqual(Array(3).fill({ precision: 0, recall: 0, f1: 0 }));
  });

  it('refuse a number that is not a class', () => {
    expect(() => new ClassCounter(2).add([0], [2])).toThrow('class 2 is not one of 2 classes');
  });
});
