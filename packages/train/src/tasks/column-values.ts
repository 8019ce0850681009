/** The values of a column, row by row. */
import type { Split, Value } from '@tessera/data';

/** Rows that are read at once. */
const chunk = 4096;

/** The values of a column of a split in the order of its rows. */
export async function* columnValues(split: Split, column: string): AsyncGenerator<Value | undefined> {
  for (let start = 0; start < split.length; start += chunk) {
    const rows = Array.from({ length: Math.min(chunk, split.length - start) }, (_, k) => start + k);
    for (const row of await split.rows(rows, [column])) yield row[column];
  }
}
