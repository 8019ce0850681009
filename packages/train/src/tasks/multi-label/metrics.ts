/** How well classes of images are found where an image can have several: average precision, and F1 at a threshold. */

import { type ClassScores, type ScoreAverages, scoreClasses } from '../../evaluation/classification/class-scores.ts';

interface TagMetrics extends ClassScores {
  /** Null where no image is of this class. */
  readonly averagePrecision: number | null;
}

/** Precision, recall and F1 are those of scikit-learn's `classification_report` with `zero_division=0`, over all classes. */
export interface MultiLabelMetrics extends ScoreAverages {
  /** Number of images. */
  readonly count: number;
  /** Mean average precision (mAP) over the classes that occur; null where none does. */
  readonly meanAveragePrecision: number | null;
  /** The mAP to expect of a random order: the mean share of the images that have a class, over the classes that occur. */
  readonly chance: number | null;
  readonly threshold: number;
  readonly perClass: readonly TagMetrics[];
}

/**
 * Average precision: sum over the thresholds n of (R_n - R_{n-1}) P_n, with recall R_n and precision P_n of what has at least the n-th
 * largest of the different scores. Equal scores are one threshold. Null where nothing is relevant.
 */
export function averagePrecision(
  scores: readonly { readonly score: number; readonly relevant: boolean }[],
): number | null {
  const ranked = scores.toSorted((a, b) => b.score - a.score);
  let found = 0;
  let foundBefore = 0;
  let sum = 0;
  for (const [rank, { score, relevant }] of ranked.entries()) {
    if (relevant) found++;
    if (ranked[rank + 1]?.score === score) continue;
    sum += (found - foundBefore) * (found / (rank + 1));
    foundBefore = found;
  }
  return found === 0 ? null : sum / found;
}

/**
 * The metrics of N images with C classes.
 *
 * @param probabilities row-major [N, C], from 0 to 1
 * @param truths the classes of each image
 * @param threshold the probability from which on a class is predicted
 * @throws where a probability is NaN, or sizes do not fit
 */
export function multiLabelMetrics(
  probabilities: Float64Array,
  truths: readonly (readonly number[])[],
  classes: number,
  threshold: number,
): MultiLabelMetrics {
  const count = truths.length;
  if (count === 0) throw new Error('multi-label metrics: there are no images');
  if (probabilities.length !== count * classes)
    throw new RangeError(
      `multi-label metrics: ${probabilities.length} probabilities, but ${count} images with ${classes} classes`,
    );
  const bad = probabilities.findIndex(Number.isNaN);
  if (bad >= 0)
    throw new Error(`multi-label metrics: class ${bad % classes} of image ${Math.floor(bad / classes)} is NaN`);
  const has = truths.map((own) => new Set(own));
  const counted = Array.from({ length: classes }, (_, c) => {
    const column = has.map((own, row) => ({
      score: probabilities[row * classes + c] ?? Number.NaN,
      relevant: own.has(c),
    }));
    const predicted = column.filter(({ score }) => score >= threshold);
    return {
      averagePrecision: averagePrecision(column),
      support: column.filter(({ relevant }) => relevant).length,
      predicted: predicted.length,
      hits: predicted.filter(({ relevant }) => relevant).length,
    };
  });
  const { perClass, ...averages } = scoreClasses(counted, 'all');
  const occurring = counted.filter(({ support }) => support > 0);
  return {
    count,
    meanAveragePrecision: mean(occurring.map(({ averagePrecision }) => averagePrecision ?? 0)),
    chance: mean(occurring.map(({ support }) => support / count)),
    threshold,
    ...averages,
    perClass: perClass.map((scores, c) => ({ ...scores, averagePrecision: counted[c]?.averagePrecision ?? null })),
  };
}

const mean = (values: readonly number[]): number | null =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
