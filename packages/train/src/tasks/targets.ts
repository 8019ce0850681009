/** What a task learns that can learn both labels of whole images, and boxes or masks of what is in them. */
import type { ColumnRequest, Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import type { Checkpoint } from '../loop/checkpoint.ts';
import { findColumns, withColumnNames } from './reading.ts';

/** `labels`: the class of an image, from which a picture with a box or a mask is made; `scenes`: the boxes or masks of the data set. */
export type Targets = 'labels' | 'scenes';

const key = 'tessera_targets';

/** The metadata for a file of weights. */
export const targetsMetadata = (targets: Targets): Record<string, string> => ({ [key]: targets });

/** What the model of a checkpoint learned. */
export const storedTargets = ({ metadata }: Checkpoint): Targets => (metadata[key] === 'scenes' ? 'scenes' : 'labels');

/**
 * What a run learns: the boxes or masks of the training split, if it has such a column, otherwise its labels.
 *
 * @param role of the column with boxes or masks
 * @returns the column's name; null: labels
 * @throws where the split has neither; the message lists its columns
 */
export async function sceneColumn(
  { task, data }: RunConfig,
  train: Split,
  role: string,
  requests: { readonly image: ColumnRequest<'image'>; readonly label: ColumnRequest<'class'> } & Readonly<
    Record<string, ColumnRequest>
  >,
): Promise<string | null> {
  const optional = Object.entries(requests).map(([name, request]) => [
    name,
    name === 'image' ? request : { ...request, optional: true },
  ]);
  const named = withColumnNames(Object.fromEntries(optional) as typeof requests, data.columns);
  const found: Readonly<Record<string, string | null>> = await findColumns(train, named);
  const column = found[role] ?? null;
  if (column === null && found.label === null)
    throw new Error(
      `${train.path}, split "${train.name}": the task ${task} needs a column for ${role} (${requests[role]?.names.join(', ')}) or class labels; its columns are ${train.columns.join(', ')}`,
    );
  return column;
}
