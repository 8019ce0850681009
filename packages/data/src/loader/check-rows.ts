/** Finds the rows that a loader could not use, by all columns but the images, without decoding anything. */
import type { Value } from '../arrow/column.ts';
import type { RowRange } from '../dataset/scan.ts';
import type { Split } from '../dataset/split.ts';
import { type ColumnRequests, columnReaders, type FoundColumn, resolveColumns, Unusable } from './columns.ts';
import type { SkippedRow } from './sampler.ts';

/** What was found in some rows of a split. */
export interface RowCheck {
  /** The number of rows that were looked at. */
  readonly rows: number;
  /** How many of them cannot be used. */
  readonly unusable: number;
  /** The first of these, with reasons. */
  readonly examples: readonly SkippedRow[];
}

const examplesKept = 20;

/**
 * Looks at the columns that are requested, except images, in some rows of a split.
 *
 * @param ranges of rows; default: all
 * @returns null where the split is empty, or no such column is requested and there
 * @throws for columns that are missing or of the wrong kind, as the loader does
 */
export async function checkRows(
  split: Split,
  requests: ColumnRequests,
  ranges?: Iterable<RowRange>,
): Promise<RowCheck | null> {
  const others = Object.fromEntries(Object.entries(requests).filter(([, { kind }]) => kind !== 'image'));
  const title = `${split.path}, split "${split.name}"`;
  const resolved = resolveColumns(split.features, others, title);
  const found = Object.values(resolved).filter((column): column is FoundColumn => column !== null);
  if (found.length === 0 || split.length === 0) return null;
  const columns = [...new Set(found.map(({ column }) => column))];
  const readers = found.map((column) => ({ column, place: columns.indexOf(column.column) }));
  const reasonOf = (row: number, cell: (place: number) => Value): string | null => {
    for (const { column, place } of readers) {
      const read = columnReaders[column.kind].read(cell(place), row, column);
      if (read instanceof Unusable) return read.reason;
    }
    return null;
  };
  const examples: SkippedRow[] = [];
  let [rows, unusable] = [0, 0];
  for await (const { from, count, damage, value } of split.scan(columns, ranges)) {
    rows += count;
    for (let k = 0; k < count; k++) {
      const reason = damage ?? reasonOf(from + k, (place) => value(place, k));
      if (reason === null) continue;
      unusable++;
      if (examples.length < examplesKept) examples.push({ row: from + k, reason });
    }
  }
  return { rows, unusable, examples };
}
