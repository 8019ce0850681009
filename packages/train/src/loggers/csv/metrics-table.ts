/** The numbers of a run as a table for spreadsheets and data frames. */
import type { MetricsRecord } from '../../loop/metrics-file.ts';
import { csvLine } from './line.ts';

/**
 * Lines of CSV for lines of `metrics.jsonl`, in their order: a heading, then a line for each step and for each evaluated split. The columns
 * are `kind`, `step`, `epoch`, `split`, and all numbers of steps and evaluations in the order in which they first occur; what a line does not
 * have is empty. So is a number that was not finite.
 */
export function* metricsTable(records: readonly MetricsRecord[]): Generator<string> {
  const leading = ['kind', 'step', 'epoch', 'split'];
  const columns = new Set(leading);
  const rows = records.map(({ values, ...rest }): Readonly<Record<string, unknown>> => {
    // The numbers of an evaluation are in a section of their own.
    const row = { ...rest, ...(typeof values === 'object' && values !== null ? values : {}) };
    for (const name of Object.keys(row)) columns.add(name);
    return row;
  });
  const names = [...columns];
  yield csvLine(names);
  for (const row of rows) yield csvLine(names.map((name) => row[name]));
}
