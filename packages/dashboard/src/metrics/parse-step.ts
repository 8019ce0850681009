/** Lines of metrics.jsonl as samples of curves and as evaluations. */
import { isCurve } from '@tessera/train/charts';
import type { Axis } from '../shared/api.ts';

/** A line as it was parsed, not checked yet. */
export type RawRecord = Readonly<Record<string, unknown>>;

/** An evaluation of one split. */
export interface EvaluationRecord {
  readonly at: Readonly<Record<Axis, number | null>>;
  readonly split: string;
  readonly values: Readonly<Record<string, number | null>>;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** The duration of a step in seconds; for lines without it, as far as their rate and the batch size tell it. */
export function secondsOf({ seconds, imagesPerSecond }: RawRecord, batchSize: number | null): number {
  if (isNumber(seconds)) return seconds;
  return isNumber(imagesPerSecond) && imagesPerSecond > 0 && batchSize !== null ? batchSize / imagesPerSecond : 0;
}

/** The numbers of a step's line. */
export function valuesOf(record: RawRecord): Record<string, number | null> {
  const values: Record<string, number | null> = {};
  for (const key in record) {
    const value = record[key];
    if (value === null) values[key] = null;
    else if (isCurve(key, value)) values[key] = value as number;
  }
  return values;
}

/** Whether a line is that of a step. */
export const isStep = ({ kind, step }: RawRecord): boolean => kind === 'step' && isNumber(step);

/** An evaluation from its line; null for other lines. @param time training seconds before it @param date of the step before it */
export function evaluationOf(record: RawRecord, time: number, date: number | null): EvaluationRecord | null {
  const { kind, step, epoch, split, values } = record;
  if (kind !== 'evaluation' || !isNumber(step) || typeof split !== 'string') return null;
  if (typeof values !== 'object' || values === null) return null;
  const numbers = Object.entries(values).filter(([, value]) => value === null || isNumber(value));
  return {
    at: { step, epoch: isNumber(epoch) ? epoch : null, time, date },
    split,
    values: Object.fromEntries(numbers),
  };
}
