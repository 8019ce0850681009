/** Which checkpoints of a run are its best. */
import { type EvaluationValues, finiteValue, isBetter, type MainMeasure } from './measure.ts';

/** Which checkpoints are kept as the best, and how many. */
export interface BestRule {
  readonly measure: MainMeasure;
  /** The number of checkpoints. At least 1. */
  readonly count: number;
}

/** An evaluated checkpoint, as JSON. All its values are stored, so that the measure can be changed when the run is resumed. */
export interface EvaluatedCheckpoint extends EvaluationValues {
  readonly step: number;
}

/**
 * The best of some evaluated checkpoints, best first, as PyTorch Lightning's `ModelCheckpoint` keeps with `save_top_k`, with two
 * differences: of equal ones the earlier is always the better, and one whose value is missing or not finite is never kept.
 */
export function bestOf(
  { measure, count }: BestRule,
  evaluated: readonly EvaluatedCheckpoint[],
): readonly EvaluatedCheckpoint[] {
  return evaluated
    .flatMap((checkpoint) => {
      const value = finiteValue(checkpoint, measure.name);
      return value === null ? [] : [{ checkpoint, value }];
    })
    .sort((a, b) => {
      if (a.value === b.value) return a.checkpoint.step - b.checkpoint.step;
      return isBetter(measure, a.value, b.value) ? -1 : 1;
    })
    .slice(0, count)
    .map(({ checkpoint }) => checkpoint);
}
