/** How well classes of images are found where an image can have several: average precision, and F1 at a threshold. */

/** Precision, recall and their harmonic mean, from 0 to 1. */
interface FScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface TagMetrics {
  /** Number of images of this class. */
  readonly support: number;
  /** Null where no image is of this class. */
  readonly averagePrecision: number | null;
  /** Of the images for which the class was predicted, the share that have it; null where it was never predicted. */
  readonly precision: number | null;
  /** Of the images that have the class, the share for which it was predicted; null where no image has it. */
  readonly recall: number | null;
  /** Null where the class neither occurs nor was predicted. */
  readonly f1: number | null;
}

export interface MultiLabelMetrics {
  /** Number of images. */
  readonly count: number;
  /** Mean average precision (mAP) over the classes that occur; null where none does. */
  readonly meanAveragePrecision: number | null;
  /** The mAP to expect of a random order: the mean share of the images that have a class, over the classes that occur. */
  readonly chance: number | null;
  readonly threshold: number;
  /** Over all decisions together. */
  readonly micro: FScore;
  /** Means over the classes that occur; a precision that is not defined counts as 0. */
  readonly macro: FScore;
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
  const perClass = counted.map(({ averagePrecision, support, predicted, hits }) => ({
    support,
    averagePrecision,
    precision: share(hits, predicted),
    recall: share(hits, support),
    f1: share(2 * hits, predicted + support),
  }));
  const occurring = perClass.filter(({ support }) => support > 0);
  const total = (key: 'hits' | 'predicted' | 'support'): number => counted.reduce((sum, each) => sum + each[key], 0);
  const [hits, predicted, support] = [total('hits'), total('predicted'), total('support')];
  return {
    count,
    meanAveragePrecision: mean(occurring.map(({ averagePrecision }) => averagePrecision ?? 0)),
    chance: mean(occurring.map(({ support }) => support / count)),
    threshold,
    micro: {
      precision: share(hits, predicted) ?? 0,
      recall: share(hits, support) ?? 0,
      f1: share(2 * hits, predicted + support) ?? 0,
    },
    macro: {
      precision: mean(occurring.map(({ precision }) => precision ?? 0)) ?? 0,
      recall: mean(occurring.map(({ recall }) => recall ?? 0)) ?? 0,
      f1: mean(occurring.map(({ f1 }) => f1 ?? 0)) ?? 0,
    },
    perClass,
  };
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

const mean = (values: readonly number[]): number | null =>
  values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
