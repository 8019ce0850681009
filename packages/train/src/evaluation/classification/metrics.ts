import { rowCount } from '../retrieval/products.ts';

export interface ClassMetrics {
  /** Of the images taken for this class, the share that are of it; null where none was. */
  readonly precision: number | null;
  /** Of the images of this class, the share that were found; null where there is none. */
  readonly recall: number | null;
  /** Number of images of this class. */
  readonly support: number;
}

export interface ClassificationMetrics {
  /** Share of the images whose class has the largest logit, from 0 to 1. */
  readonly top1: number;
  /** Share of the images whose class is among the five largest logits. */
  readonly top5: number;
  /** Mean recall of the classes that have images. */
  readonly balanced: number;
  /** [truth][prediction]: number of images. */
  readonly confusion: readonly (readonly number[])[];
  readonly perClass: readonly ClassMetrics[];
  readonly count: number;
}

/**
 * Accuracy, confusion matrix and per-class numbers of a classifier. Of equal logits the smaller class index comes first, as
 * in argmax.
 *
 * @param logits row-major [N, classes]
 * @param labels N class indices
 * @throws where a logit is NaN, a label is no class, or sizes do not fit
 */
export function classificationMetrics(
  logits: Float32Array,
  labels: ArrayLike<number>,
  classes: number,
): ClassificationMetrics {
  const count = rowCount(logits, classes);
  if (count !== labels.length)
    throw new RangeError(`classification: ${count} rows of logits, but ${labels.length} labels`);
  if (count === 0) throw new Error('classification: there are no images');
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let top1 = 0;
  let top5 = 0;
  for (let row = 0; row < count; row++) {
    const label = labels[row];
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new RangeError(`classification: label ${label} of image ${row} is not one of ${classes} classes`);
    }
    const { rank, prediction } = rankOfLabel(logits.subarray(row * classes, (row + 1) * classes), label, row);
    if (rank === 0) top1++;
    if (rank < 5) top5++;
    confusion[label][prediction]++;
  }
  const perClass = classMetrics(confusion);
  const recalls = perClass.flatMap(({ recall }) => (recall === null ? [] : [recall]));
  return {
    top1: top1 / count,
    top5: top5 / count,
    balanced: recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
    confusion,
    perClass,
    count,
  };
}

function rankOfLabel(logits: Float32Array, label: number, row: number): { rank: number; prediction: number } {
  const own = logits[label];
  let rank = 0;
  let prediction = 0;
  for (let c = 0; c < logits.length; c++) {
    if (Number.isNaN(logits[c])) throw new Error(`classification: logit ${c} of image ${row} is NaN`);
    if (logits[c] > own || (logits[c] === own && c < label)) rank++;
    if (logits[c] > logits[prediction]) prediction = c;
  }
  return { rank, prediction };
}

const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

function classMetrics(confusion: readonly (readonly number[])[]): ClassMetrics[] {
  return confusion.map((row, c) => {
    const support = row.reduce((sum, n) => sum + n, 0);
    const predicted = confusion.reduce((sum, other) => sum + other[c], 0);
    return { precision: share(row[c], predicted), recall: share(row[c], support), support };
  });
}

export interface Confusion {
  readonly truth: number;
  readonly prediction: number;
  readonly count: number;
  /** Share of the images of class `truth`. */
  readonly share: number;
}

/** The `k` most frequent mistakes, the most frequent first. */
export function mostConfused(confusion: readonly (readonly number[])[], k: number): Confusion[] {
  return confusion
    .flatMap((row, truth) => {
      const support = row.reduce((sum, n) => sum + n, 0);
      return row.map((count, prediction) => ({ truth, prediction, count, share: count / support }));
    })
    .filter(({ truth, prediction, count }) => truth !== prediction && count > 0)
    .sort((a, b) => b.count - a.count || b.share - a.share)
    .slice(0, k);
}
