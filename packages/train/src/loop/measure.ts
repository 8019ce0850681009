/** The measure of an evaluation that decides something: which it is, which of two values is better, and its value in an evaluation. */

/** The results of evaluating one split during the run, for the metrics file. */
export interface EvaluationValues {
  readonly split: string;
  readonly values: Readonly<Record<string, number | null>>;
}

/** A measure, and which of its values are better. */
export interface MainMeasure {
  readonly name: string;
  readonly better: 'higher' | 'lower';
}

/**
 * The measure that a section of settings chooses with `metric` and `mode`: the main measure, unless it names another.
 *
 * @param section the section's name, for the message
 * @throws RangeError where another measure than the main one is named without a `mode`
 */
export function chosenMeasure(
  section: string,
  { metric, mode }: { readonly metric: string | null; readonly mode: 'min' | 'max' | null },
  main: MainMeasure,
): MainMeasure {
  const name = metric ?? main.name;
  if (mode !== null) return { name, better: mode === 'max' ? 'higher' : 'lower' };
  if (name === main.name) return main;
  throw new RangeError(`${section}.metric is ${name}: set ${section}.mode to min or max, whichever is better`);
}

/** Whether a value is better than another by more than a margin. */
export const isBetter = ({ better }: MainMeasure, value: number, other: number, margin = 0): boolean =>
  better === 'higher' ? value - margin > other : value + margin < other;

/** The value of a measure; null where it is missing or not a finite number. */
export function finiteValue({ values }: Pick<EvaluationValues, 'values'>, name: string): number | null {
  const value = values[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** @throws where an evaluation does not have the measure that a setting names; the message lists those that it has */
export function checkMeasure(setting: string, name: string, { split, values }: EvaluationValues): void {
  if (!(name in values))
    throw new Error(
      `${setting} is ${name}, which the evaluation of ${split} does not have; it has ${Object.keys(values).join(', ')}`,
    );
}
