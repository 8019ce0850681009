/** The scores of the classes between which a measured model decides, as they are shown and stored. */
import type { Tensor } from '@tessera/tensor';
import type { BatchTensors } from '../../loop/objective.ts';
import {
  balancedAccuracy,
  type ClassCounts,
  intersectionOverUnion,
  scoreClasses,
} from '../classification/class-scores.ts';
import type { ClassesReport } from '../classification/classes-card.ts';
import type { MeasureLook } from './section.ts';

/** Decisions between classes: tensors of one shape, one element for each decision. */
export interface Decisions {
  /** i32: the true class. */
  readonly truth: Tensor;
  /** i32: the class that the model chose. */
  readonly prediction: Tensor;
  /** bool: false where the decision is wrong although the class is the true one. Default: there are no such decisions. */
  readonly accepted?: Tensor;
  /** bool: false where a decision does not count, whatever its true class is. Default: all count. */
  readonly counted?: Tensor;
}

/** Classes between which a model decides, for the precision, recall and F1 of each class. */
export interface MeasuredClasses<Tensors extends BatchTensors> {
  readonly names: readonly string[];
  /** What is counted, in the plural. Default: images. */
  readonly counted?: string;
  /** Whether the overlap of decisions and examples (IoU) of each class is reported too. Default: false. */
  readonly overlap?: boolean;
  /** Recorded with `measure`: what both compute is computed once. */
  decide(tensors: Tensors): Decisions;
}

/** The scores of the classes on one split. */
export interface MeasuredScores {
  /** The averages, for `metrics.jsonl`. */
  readonly values: Readonly<Record<string, number | null>>;
  readonly report: ClassesReport;
}

type ClassesLook = Pick<MeasuredClasses<never>, 'names' | 'counted' | 'overlap'>;

/** How the averages are shown. */
export const scoreLooks = ({ overlap = false }: ClassesLook): Record<string, MeasureLook> => ({
  balancedAccuracy: { label: 'balanced accuracy', format: 'percent' },
  f1Macro: { label: 'macro F1', format: 'percent' },
  ...(overlap ? { meanIoU: { label: 'mean IoU', format: 'percent' } } : {}),
});

/** The scores of classes that were counted. The mean IoU is over the classes that have examples or decisions. */
export function measuredScores(
  { names, counted = 'images', overlap = false }: ClassesLook,
  counts: readonly ClassCounts[],
): MeasuredScores {
  const scores = scoreClasses(counts, 'occurring');
  const overlaps = counts.map((each) => (each.predicted + each.support > 0 ? intersectionOverUnion(each) : null));
  const occurring = overlaps.filter((each) => each !== null);
  const balanced = balancedAccuracy(scores.perClass);
  return {
    values: {
      balancedAccuracy: Number.isNaN(balanced) ? null : balanced,
      f1Macro: scores.macro.f1,
      ...(overlap ? { meanIoU: occurring.reduce((sum, each) => sum + each, 0) / occurring.length } : {}),
    },
    report: { classNames: names, scores, counted, column: overlap ? { label: 'IoU', values: overlaps } : null },
  };
}

/** The scores as they are in `evaluation.json`. */
export function summarizeScores({ report: { classNames, scores, column } }: MeasuredScores): object {
  const { perClass, ...averages } = scores;
  const own = (c: number): object => (column === null ? {} : { iou: column.values[c] ?? null });
  return { classNames, ...averages, perClass: perClass.map((each, c) => ({ ...each, ...own(c) })) };
}
