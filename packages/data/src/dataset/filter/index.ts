/** Conditions on the columns of a row, such as `similarity > 0.28 and width >= 200`, and the rows of a split that meet one. */
import type { Features } from '../../arrow/features.ts';
import type { Row } from '../../format/shard.ts';
import { type RowSelection, RowSelectionBuilder } from '../row-selection.ts';
import type { Split } from '../split.ts';
import { FilterCompiler } from './compile.ts';
import { parseCondition } from './parse.ts';

/** A condition on a row. */
export interface Filter {
  /** The columns that it reads. */
  readonly columns: readonly string[];
  test(row: Row): boolean;
}

/**
 * Reads a condition. Its parts are joined by `and`, `or`, `not` and parentheses, and are
 * - comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`) of columns, numbers, quoted texts, `true`, `false`, sums and products of them, and the
 *   functions `length`, `words`, `lower`, `upper`;
 * - `VALUE in (1, 2)`, `VALUE between 1 and 2`, `VALUE is null`, `VALUE like 'a %'` (`ilike` ignores case), `VALUE matches 'REGEX'`, and
 *   each of them with `not`;
 * - `contains(TEXT or LIST, VALUE)`, `starts_with(TEXT, TEXT)`, `ends_with(TEXT, TEXT)`.
 *
 * Names with other characters than letters, digits, dots and underscores are in backquotes. A missing value meets no comparison. A class
 * label is compared by its name with texts, and by its number with numbers.
 *
 * @param features the columns that there are, for the names of classes
 * @throws for a text that is not a condition; the message has the place
 */
export function parseFilter(source: string, features: Features = {}): Filter {
  try {
    const compiler = new FilterCompiler(features);
    const test = compiler.condition(parseCondition(source));
    return { columns: [...compiler.columns], test };
  } catch (error) {
    throw new Error(`filter ${JSON.stringify(source)}: ${(error as Error).message}`);
  }
}

/**
 * The numbers of the rows that meet a condition, in their order. Rows in a damaged part of a file are among them, so that they are
 * counted as rows that cannot be used.
 *
 * @throws for a column that is missing
 */
export async function rowsThatMeet(
  split: Split,
  source: string,
  onRow: (done: number) => void = () => undefined,
): Promise<RowSelection> {
  const { columns, test } = parseFilter(source, split.features);
  const rows = new RowSelectionBuilder(split.length);
  for await (const { from, count, damage, value } of split.scan(columns))
    for (let k = 0; k < count; k++) {
      const row = Object.fromEntries(columns.map((column, place) => [column, value(place, k)]));
      if (damage !== null || test(row)) rows.add(from + k);
      onRow(from + k + 1);
    }
  return rows.result();
}

/** The rows of a split that meet a condition; see `rowsThatMeet`. @throws for a column that is missing, and where no row meets it */
export async function filterSplit(split: Split, source: string): Promise<Split> {
  const rows = await rowsThatMeet(split, source);
  if (rows.length === 0)
    throw new Error(
      `${split.path}, split "${split.name}": none of its ${split.length} rows meets the filter ${JSON.stringify(source)}`,
    );
  return split.select(rows);
}
