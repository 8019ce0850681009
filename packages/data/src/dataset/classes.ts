/** Columns of texts or integers that are read as classes. */
import type { Value } from '../arrow/column.ts';
import { type Feature, type Features, feature } from '../arrow/features.ts';

/** For each such column the values of its classes: class k has value k. Plain data, so that it can be sent to a worker. */
export type ClassColumns = Readonly<Record<string, readonly (string | number)[]>>;

/** Whether the values of a column can serve as classes. */
export const canBeClasses = (f: Feature | undefined): boolean =>
  f?.type === 'value' && /^(u?int|(large_)?string$)/.test(f.dtype);

/** The features with the columns as class labels. */
export const classFeatures = (features: Features, classes: ClassColumns): Features =>
  Object.fromEntries(
    Object.entries(features).map(([name, own]) => {
      const values = classes[name];
      return [name, values === undefined ? own : feature.classLabel(values.map(String))];
    }),
  );

/** For each column a function from values to class numbers; null for a value that is none of the classes. */
export function classNumbers(classes: ClassColumns): [column: string, number: (value: Value | undefined) => Value][] {
  return Object.entries(classes).map(([column, values]) => {
    const numbers = new Map(values.map((value, k) => [value, k]));
    return [column, (value) => numbers.get(value as string | number) ?? null];
  });
}
