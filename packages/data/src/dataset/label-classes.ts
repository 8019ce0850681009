/** Label columns of texts or integers, as classes: which classes there are is found in the rows. */
import type { Value } from '../arrow/column.ts';
import { canBeClasses } from './classes.ts';
import type { Split } from './split.ts';

/** The different values in ascending order: numbers by size, texts by their code units. Nulls and empty texts are no class. */
function distinctClasses(values: Iterable<Value>): (string | number)[] {
  const found = new Set<string | number>();
  for (const value of values)
    if (typeof value === 'number' || (typeof value === 'string' && value !== '')) found.add(value);
  return [...found].sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : 1));
}

/** More classes than this are no labels, but texts. */
const mostClasses = 100_000;

/**
 * The splits with a column of texts or integers as class labels. The classes are the different values in all splits, in ascending order,
 * so that a class has the same number in each of them. Splits whose labels are classes already, or that have no such column, stay as they
 * are.
 *
 * @param name the column's name; null: the first of `names` that fits
 * @throws for a column with more than 100,000 different values
 */
export async function labelsAsClasses(
  splits: Readonly<Record<string, Split>>,
  { name, names }: { readonly name: string | null; readonly names: readonly string[] },
): Promise<Record<string, Split>> {
  const all = Object.values(splits);
  const features = all[0]?.features ?? {};
  const candidates = name === null ? names : [name];
  const column = candidates.find((each) => features[each]?.type === 'class' || canBeClasses(features[each]));
  if (column === undefined || !all.every((split) => canBeClasses(split.features[column]))) return { ...splits };
  const values = new Set<Value>();
  for (const split of all) {
    for await (const { count, value } of split.scan([column])) {
      for (let k = 0; k < count; k++) values.add(value(0, k));
      if (values.size > mostClasses)
        throw new Error(
          `${split.path}: column "${column}" has more than ${mostClasses} different values; expected class labels`,
        );
    }
  }
  const classes = { [column]: distinctClasses(values) };
  return Object.fromEntries(Object.entries(splits).map(([split, own]) => [split, own.withClasses(classes)]));
}
