/** The feature of a column by its values, as JSON has them. */
import { type Feature, feature, jsonDtype } from '../arrow/features.ts';

/** The feature that fits all values, none of which is null. */
export function jsonFeature(values: readonly unknown[]): Feature {
  const all = (test: (value: unknown) => boolean): boolean => values.length > 0 && values.every(test);
  if (all((value) => typeof value === 'string')) return feature.value('string');
  if (all((value) => Number.isSafeInteger(value))) return feature.value('int64');
  if (all((value) => typeof value === 'number')) return feature.value('float64');
  if (all((value) => typeof value === 'boolean')) return feature.value('bool');
  if (all(Array.isArray)) {
    const element = jsonFeature(values.flat().filter((value) => value !== null));
    return element.type === 'other' ? element : feature.list(element);
  }
  return { type: 'other', dtype: values.length === 0 ? `${jsonDtype} null` : jsonDtype };
}
