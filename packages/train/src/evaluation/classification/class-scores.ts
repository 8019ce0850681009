/** Precision, recall and F1 of each class, and their averages, as scikit-learn's `classification_report` with `zero_division=0`. */
import { elementAt } from '../element-at.ts';

/** What is counted of a class. */
export interface ClassCounts {
  /** Decisions for the class that are right: true positives. */
  readonly hits: number;
  /** All decisions for the class. */
  readonly predicted: number;
  /** Examples of the class. */
  readonly support: number;
}

/** Precision, recall and their harmonic mean, from 0 to 1. */
export interface FScore {
  /** Of the decisions for a class, the share that is right; 0 where there are none. */
  readonly precision: number;
  /** Of the examples of a class, the share that is found; 0 where there are none. */
  readonly recall: number;
  /** 2 hits / (predicted + support); 0 where both are 0. */
  readonly f1: number;
}

export interface ClassScores extends FScore {
  /** The number of examples of the class. */
  readonly support: number;
}

/** The scores of several classes as one. */
export interface ScoreAverages {
  /** Over all decisions together. With one decision for each example, all three numbers are the accuracy. */
  readonly micro: FScore;
  /** Means over the classes. */
  readonly macro: FScore;
  /** Means over the classes, weighted with their support. */
  readonly weighted: FScore;
}

export interface ScoredClasses extends ScoreAverages {
  readonly perClass: readonly ClassScores[];
}

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

const scoresOf = ({ hits, predicted, support }: ClassCounts): ClassScores => ({
  precision: share(hits, predicted),
  recall: share(hits, support),
  f1: share(2 * hits, predicted + support),
  support,
});

/** Means of scores, each with its weight; 0 where the weights are. */
function mean(scores: readonly FScore[], weightOf: (place: number) => number): FScore {
  const total = scores.reduce((sum, _, place) => sum + weightOf(place), 0);
  const of = (name: keyof FScore): number =>
    share(
      scores.reduce((sum, each, place) => sum + weightOf(place) * each[name], 0),
      total,
    );
  return { precision: of('precision'), recall: of('recall'), f1: of('f1') };
}

/**
 * The scores of classes that were counted.
 *
 * @param averaged the classes of the macro average. `occurring`: those with examples or decisions, which is what scikit-learn averages
 *   where each example has one class; `all`: every class, which is what it averages where an example can have several
 */
export function scoreClasses(counts: readonly ClassCounts[], averaged: 'occurring' | 'all'): ScoredClasses {
  const perClass = counts.map(scoresOf);
  const total = (key: keyof ClassCounts): number => counts.reduce((sum, each) => sum + each[key], 0);
  const { support: _, ...micro } = scoresOf({
    hits: total('hits'),
    predicted: total('predicted'),
    support: total('support'),
  });
  const counted = counts.map(({ predicted, support }) => (averaged === 'all' || predicted + support > 0 ? 1 : 0));
  return {
    micro,
    macro: mean(perClass, (c) => elementAt(counted, c)),
    weighted: mean(perClass, (c) => elementAt(perClass, c).support),
    perClass,
  };
}

/** A number for each decision. */
interface DecisionMarks {
  /** 0 where a decision is wrong although the class is the true one, such as that of a box in the wrong place. */
  readonly accepted?: ArrayLike<number> | null;
  /** 0 where a decision does not count. */
  readonly counted?: ArrayLike<number> | null;
}

/** Counts decisions between classes, batch after batch. */
export class ClassCounter {
  readonly #counts: { hits: number; predicted: number; support: number }[];

  constructor(classes: number) {
    this.#counts = Array.from({ length: classes }, () => ({ hits: 0, predicted: 0, support: 0 }));
  }

  /**
   * @param truths a class for each decision
   * @param predictions a class for each decision
   * @param marks null: there are no such decisions
   * @throws RangeError for a number that is not a class
   */
  add(truths: ArrayLike<number>, predictions: ArrayLike<number>, { accepted, counted }: DecisionMarks = {}): void {
    for (let k = 0; k < truths.length; k++) {
      if (counted != null && counted[k] === 0) continue;
      const [truth, prediction] = [this.#of(truths[k]), this.#of(predictions[k])];
      truth.support++;
      prediction.predicted++;
      if (truth === prediction && (accepted == null || accepted[k] !== 0)) truth.hits++;
    }
  }

  get counts(): readonly ClassCounts[] {
    return this.#counts;
  }

  #of(c: number | undefined): { hits: number; predicted: number; support: number } {
    const found = this.#counts[c ?? -1];
    if (found === undefined) throw new RangeError(`class ${c} is not one of ${this.#counts.length} classes`);
    return found;
  }
}

/** Mean recall of the classes that have examples: scikit-learn's `balanced_accuracy_score`. NaN where no class has any. */
export function balancedAccuracy(perClass: readonly ClassScores[]): number {
  const recalls = perClass.filter(({ support }) => support > 0).map(({ recall }) => recall);
  return recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
}

/** Intersection over union of the decisions for a class and its examples (Jaccard index); 0 where there are neither. */
export const intersectionOverUnion = ({ hits, predicted, support }: ClassCounts): number =>
  share(hits, predicted + support - hits);
