/** Which rows an epoch of training has: each once, or drawn so that all classes are equally frequent. */
import { balancedRowWeights, type ColumnRequests, noClass, type Split, usualColumns } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import { findColumns } from './reading.ts';

/** The kinds of columns whose values are classes, those that are preferred first. */
const classKinds = ['class', 'classes', 'integer'] as const;

/** The column with the classes of the rows: one that the task reads, or a column of labels that it does not read. Null: there is none. */
async function classColumn(train: Split, columns: ColumnRequests): Promise<string | null> {
  const requests: ColumnRequests = { label: { ...usualColumns.label, optional: true }, ...columns };
  const found: Readonly<Record<string, string | null>> = await findColumns(train, requests);
  for (const kind of classKinds)
    for (const [role, request] of Object.entries(columns))
      if (request.kind === kind && found[role] !== null) return found[role] ?? null;
  return found.label ?? null;
}

/**
 * The weight of each row of the training split where `data.sampling` is `balanced`; null: every epoch has each row once.
 *
 * @param columns that the task reads
 * @throws where the split has no column with classes
 */
export async function samplingWeights(
  { task, data }: RunConfig,
  train: Split,
  columns: ColumnRequests,
): Promise<Float64Array | null> {
  if (data.sampling === 'shuffle') return null;
  if (train.parts !== null)
    throw new Error(
      'data.sampling is balanced, which cannot be joined with the weights of data.sources: set data.sampling=shuffle',
    );
  if (data.resample || data.epochRows !== null)
    throw new Error(
      `data.sampling is balanced, which draws rows with replacement by itself, as many as there are: it cannot be joined with data.${data.resample ? 'resample' : 'epochRows'}`,
    );
  const column = await classColumn(train, columns);
  if (column === null)
    throw new Error(
      `${train.path}, split "${train.name}": data.sampling is balanced, but there is no column with classes or concepts that the task ` +
        `${task} could balance; its columns are ${train.columns.join(', ')}. Name one in data.columns, or set data.sampling=shuffle`,
    );
  const isClass = (value: unknown): value is number => typeof value === 'number' && value >= 0;
  const classes: (number | readonly number[])[] = [];
  for await (const { count, value } of train.scan([column]))
    for (let k = 0; k < count; k++) {
      const own = value(0, k);
      classes.push(Array.isArray(own) ? [...new Set(own.filter(isClass))] : isClass(own) ? own : noClass);
    }
  return balancedRowWeights(classes);
}
