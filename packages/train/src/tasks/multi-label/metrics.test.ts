import { describe, expect, it } from 'vitest';
import { averagePrecision, multiLabelMetrics } from './metrics.ts';

const ranking = (scores: readonly number[], relevant: readonly number[]) =>
  scores.map((score, i) => ({ score, relevant: relevant.includes(i) }));

describe('averagePrecision', () => {
  it('weights the precision at each threshold with the gain in recall', () => {
    // Ranks 1 and 3 are relevant: 1/2 * 1/1 + 1/2 * 2/3.
    expect(averagePrecision(ranking([0.8, 0.4, 0.35, 0.1], [0, 2]))).toBeCloseTo(5 / 6, 14);
    expect(averagePrecision(ranking([0.1, 0.2, 0.3], [0]))).toBeCloseTo(1 / 3, 14);
    expect(averagePrecision(ranking([3, 2, 1], [0, 1]))).toBe(1);
  });

  it('takes equal scores as one threshold, in whatever order they come', () => {
    // At 0.5: recall 1/2, precision 1/3; at 0.1: recall 1, precision 2/4.
    expect(averagePrecision(ranking([0.5, 0.5, 0.5, 0.1], [0, 3]))).toBeCloseTo(5 / 12, 14);
    expect(averagePrecision(ranking([0.5, 0.5, 0.5, 0.1], [2, 3]))).toBeCloseTo(5 / 12, 14);
    expect(averagePrecision(ranking([1, 1, 1, 1], [1]))).toBe(1 / 4);
  });

  it('is not defined where nothing is relevant', () => {
    expect(averagePrecision(ranking([1, 2], []))).toBeNull();
  });
});

describe('multiLabelMetrics', () => {
  const [images, classes] = [20, 5];
  const rows = [...Array(images).keys()];
  const names = [...Array(classes).keys()];
  // Scores with ties; classes 2 and 4 do not occur.
  const scores = Float64Array.from(rows.flatMap((i) => names.map((j) => ((7 * i + 5 * j * j + 3 * i * j) % 11) / 11)));
  const truths = rows.map((i) => names.filter((j) => (3 * i + 7 * j + i * j) % 5 < 2 && j < 4 && i % (j + 1) !== 1));
  const metrics = multiLabelMetrics(scores, truths, classes, 0.5);

  it("agrees with scikit-learn 1.9's average_precision_score", () => {
    const found = metrics.perClass.map(({ averagePrecision }) => averagePrecision);
    expect(found).toEqual([
      expect.closeTo(0.36442775974025976, 14),
      expect.closeTo(0.2702380952380952, 14),
      null,
      expect.closeTo(0.6432178932178931, 14),
      null,
    ]);
    expect(metrics.meanAveragePrecision).toBeCloseTo(
      (0.36442775974025976 + 0.2702380952380952 + 0.6432178932178931) / 3,
      14,
    );
    expect(metrics.perClass.map(({ support }) => support)).toEqual([8, 4, 0, 6, 0]);
    expect(metrics.chance).toBeCloseTo(18 / 3 / images, 14);
  });

  it("agrees with scikit-learn's classification_report", () => {
    const close = (precision: number, recall: number, f1: number) => ({
      precision: expect.closeTo(precision, 14),
      recall: expect.closeTo(recall, 14),
      f1: expect.closeTo(f1, 14),
    });
    expect(metrics.micro).toEqual(close(0.18604651162790697, 0.4444444444444444, 0.26229508196721313));
    expect(metrics.macro).toEqual(close(0.18055555555555552, 0.2583333333333333, 0.21058823529411766));
    expect(metrics.weighted).toEqual(close(0.32407407407407407, 0.4444444444444444, 0.37167755991285406));
    expect(metrics.perClass[1]).toMatchObject(close(0.125, 0.25, 1 / 6));
    expect(metrics.perClass[2]).toMatchObject({ averagePrecision: null, precision: 0, recall: 0, f1: 0 });
    expect(metrics.perClass[3]).toMatchObject(close(0.4444444444444444, 0.6666666666666666, 0.5333333333333333));
  });

  it('counts by hand', () => {
    const { micro, macro, perClass, meanAveragePrecision, chance } = multiLabelMetrics(
      Float64Array.of(0.9, 0.6, 0.2, 0.7, 0.5, 0.1),
      [[0], [0, 1], []],
      2,
      0.5,
    );
    // Class 0: 0.9 and 0.5 are predicted, the first is right, 0.2 is missed. Class 1: 0.6 is wrong, 0.7 is right.
    expect(perClass).toEqual([
      { support: 2, averagePrecision: 1 / 2 + (1 / 2) * (2 / 3), precision: 1 / 2, recall: 1 / 2, f1: 1 / 2 },
      { support: 1, averagePrecision: 1, precision: 1 / 2, recall: 1, f1: 2 / 3 },
    ]);
    expect(micro).toEqual({ precision: 2 / 4, recall: 2 / 3, f1: 4 / 7 });
    expect(macro).toEqual({ precision: 1 / 2, recall: 3 / 4, f1: (1 / 2 + 2 / 3) / 2 });
    expect(meanAveragePrecision).toBeCloseTo((5 / 6 + 1) / 2, 14);
    expect(chance).toBe(1 / 2);
  });

  it('has no mean where no class occurs', () => {
    const { meanAveragePrecision, chance, micro } = multiLabelMetrics(Float64Array.of(0.1, 0.2), [[]], 2, 0.5);
    expect([meanAveragePrecision, chance, micro.f1]).toEqual([null, null, 0]);
  });

  it.each([
    ['NaN', Float64Array.of(0, 1, 0, Number.NaN), [[], []], 'class 1 of image 1 is NaN'],
    ['sizes that do not fit', Float64Array.of(0, 1, 0), [[], []], '3 probabilities, but 2 images with 2 classes'],
    ['nothing', new Float64Array(0), [], 'there are no images'],
  ])('refuses %s', (_, probabilities, truths, message) => {
    expect(() => multiLabelMetrics(probabilities, truths, 2, 0.5)).toThrow(message);
  });
});
