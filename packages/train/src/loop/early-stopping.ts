/** Early stopping: a run ends before its last step when a measure has stopped improving. */
import { type EvaluationValues, finiteValue, isBetter, type MainMeasure } from './measure.ts';

/** When a run ends early, with the rules of Keras's and PyTorch Lightning's `EarlyStopping`. */
export interface EarlyStoppingRule {
  readonly measure: MainMeasure;
  /** The run ends after this number of evaluations in a row without an improvement. At least 1. */
  readonly patience: number;
  /** A value must be better than the best one by more than this to be an improvement. */
  readonly minDelta: number;
}

/** What early stopping has seen so far, as JSON. */
export interface EarlyStoppingState {
  /** The measure's name. */
  readonly measure: string;
  /** The last value that was an improvement, and its step; null before the first. */
  readonly best: { readonly value: number; readonly step: number } | null;
  /** The number of evaluations since then. */
  readonly evaluationsWithout: number;
}

/**
 * The state after another evaluation. A value that is missing or not finite is not an improvement. A state of another measure counts as
 * none.
 *
 * @param before null: there was no evaluation before
 */
export function observeEvaluation(
  { measure, minDelta }: EarlyStoppingRule,
  before: EarlyStoppingState | null,
  evaluation: EvaluationValues,
  step: number,
): EarlyStoppingState {
  const { best, evaluationsWithout } =
    before?.measure === measure.name ? before : { best: null, evaluationsWithout: 0 };
  const value = finiteValue(evaluation, measure.name);
  if (value !== null && (best === null || isBetter(measure, value, best.value, minDelta)))
    return { measure: measure.name, best: { value, step }, evaluationsWithout: 0 };
  return { measure: measure.name, best, evaluationsWithout: evaluationsWithout + 1 };
}

/** Why the run ends now; null: it goes on. */
export function reasonToStop(
  { patience, minDelta }: EarlyStoppingRule,
  { measure, best, evaluationsWithout }: EarlyStoppingState,
): string | null {
  if (evaluationsWithout < patience) return null;
  const number = `${evaluationsWithout} evaluation${evaluationsWithout === 1 ? '' : 's'}`;
  if (best === null) return `${measure} had no finite value in ${number} (training.earlyStopping)`;
  const margin = minDelta === 0 ? '' : ` by more than ${minDelta}`;
  return `${measure} was not better than ${best.value.toPrecision(4)}, its value after step ${best.step},${margin} in ${number} (training.earlyStopping)`;
}
