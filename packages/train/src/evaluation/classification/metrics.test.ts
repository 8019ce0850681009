/** Accuracy, per-class numbers and confusions of a classifier. */
import { describe, expect, it } from 'vitest';
import { classificationMetrics, mostConfused } from './metrics.ts';

/** Logits that rank the classes in this order. */
const ordered = (order: number[]) => order.map((_, c) => -order.indexOf(c));

describe('classificationMetrics', () => {
  const rows = [
    { label: 0, order: [0, 1, 2, 3, 4, 5] },
    { label: 0, order: [1, 0, 2, 3, 4, 5] },
    { label: 1, order: [1, 2, 3, 4, 5, 0] },
    { label: 2, order: [0, 1, 3, 4, 5, 2] },
    { label: 2, order: [0, 1, 3, 4, 2, 5] },
  ];
  const metrics = classificationMetrics(
    Float32Array.from(rows.flatMap(({ order }) => ordered(order))),
    rows.map(({ label }) => label),
    6,
  );

  it('counts the first and the first five', () => {
    expect([metrics.top1, metrics.top5, metrics.count]).toEqual([2 / 5, 4 / 5, 5]);
  });

  it('puts truths in rows and predictions in columns', () => {
    expect(metrics.confusion.slice(0, 3)).toEqual([
      [1, 1, 0, 0, 0, 0],
      [0, 1, 0, 0, 0, 0],
      [2, 0, 0, 0, 0, 0],
    ]);
  });

  it('computes precision, recall, F1 and support of each class', () => {
    expect(metrics.perClass.slice(0, 4)).toEqual([
      { precision: 1 / 3, recall: 1 / 2, f1: 2 / 5, support: 2 },
      { precision: 1 / 2, recall: 1, f1: 2 / 3, support: 1 },
      { precision: 0, recall: 0, f1: 0, support: 2 },
      { precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
    expect(metrics.balanced).toBe((1 / 2 + 1 + 0) / 3);
  });

  it('takes the smaller index of equal logits, as argmax does', () => {
    const { top1, top5 } = classificationMetrics(new Float32Array(7 * 7), [0, 1, 2, 3, 4, 5, 6], 7);
    expect([top1, top5]).toEqual([1 / 7, 5 / 7]);
  });

  it('lists the most frequent confusions', () => {
    expect(mostConfused(metrics.confusion, 5)).toEqual([
      { truth: 2, prediction: 0, count: 2, share: 1 },
      { truth: 0, prediction: 1, count: 1, share: 0.5 },
    ]);
    expect(mostConfused(metrics.confusion, 1)).toHaveLength(1);
  });

  it.each([
    ['NaN', Float32Array.of(0, Number.NaN), [0], 'logit 1 of image 0 is NaN'],
    ['a label that is not a class', Float32Array.of(0, 1), [2], 'label 2 of image 0 is not one of 2 classes'],
    ['too few labels', Float32Array.of(0, 1, 0, 1), [1], '2 rows of logits, but 1 labels'],
    ['nothing', new Float32Array(0), [], 'there are no images'],
  ])('refuses %s', (_, logits, labels, message) => {
    expect(() => classificationMetrics(logits, labels, 2)).toThrow(message);
  });
});
