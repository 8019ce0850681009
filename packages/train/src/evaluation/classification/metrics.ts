/** Accuracy and confusions of a classifier. */
import { elementAt } from '../element-at.ts';
import { rowAt, rowCount } from '../retrieval/products.ts';
import { balancedAccuracy, type ClassCounts, type ScoredClasses, scoreClasses } from './class-scores.ts';

/** The scores of the classes are those of scikit-learn's `classification_report` with `zero_division=0`. */
export interface ClassificationMetrics extends ScoredClasses {
  /** Share of the images whose class has the largest logit, from 0 to 1. */
  readonly top1: number;
  /** Share of the images whose class is among the five largest logits. */
  readonly top5: number;
  /** Mean recall of the classes that have images. */
  readonly balanced: number;
  /** [truth][prediction]: number of images. */
  readonly confusion: readonly (readonly number[])[];
  readonly count: number;
}

/**
 * Accuracy, confusion matrix and per-class numbers of a classifier. Among equal logits the smaller class index comes first, as
 * in argmax.
 *
 * @param logits row-major [N, classes]
 * @param labels N class indices
 * @throws where a logit is NaN, a label is not a class, or sizes do not fit
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
  for (const [row, label] of Array.from(labels).entries()) {
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new RangeError(`classification: label ${label} of image ${row} is not one of ${classes} classes`);
    }
    const { rank, prediction } = rankOfLabel(rowAt(logits, row, classes), label, row);
    if (rank === 0) top1++;
    if (rank < 5) top5++;
    const confused = elementAt(confusion, label);
    confused[prediction] = elementAt(confused, prediction) + 1;
  }
  const scored = scoreClasses(countsOf(confusion), 'occurring');
  return {
    top1: top1 / count,
    top5: top5 / count,
    balanced: balancedAccuracy(scored.perClass),
    confusion,
    ...scored,
    count,
  };
}

/** The number of classes that come before the label, and the class with the largest logit. */
function rankOfLabel(logits: Float32Array, label: number, row: number): { rank: number; prediction: number } {
  const own = elementAt(logits, label);
  let rank = 0;
  let best = { logit: elementAt(logits, 0), prediction: 0 };
  for (let c = 0; c < logits.length; c++) {
    const logit = logits[c] as number;
    if (Number.isNaN(logit)) throw new Error(`classification: logit ${c} of image ${row} is NaN`);
    if (logit > own || (logit === own && c < label)) rank++;
    if (logit > best.logit) best = { logit, prediction: c };
  }
  return { rank, prediction: best.prediction };
}

const countsOf = (confusion: readonly (readonly number[])[]): ClassCounts[] =>
  confusion.map((row, c) => ({
    hits: elementAt(row, c),
    predicted: confusion.reduce((sum, other) => sum + elementAt(other, c), 0),
    support: row.reduce((sum, n) => sum + n, 0),
  }));

/** Images of one class that are predicted as another. */
export interface Confusion {
  readonly truth: number;
  readonly prediction: number;
  readonly count: number;
  /** Share of the images of class `truth`. */
  readonly share: number;
}

/** The `k` most frequent confusions, the most frequent first. */
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
