/** Pictures of what a model is trained on. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Batch, ColumnKind, ColumnValues } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { pictureGrid } from '../report/pictures.ts';

/**
 * Writes the training data as the model receives it: `training-batch.png` with the images of a batch as augmented, and
 * `training-batch.json` with the other columns of each, in the order of the picture's rows.
 */
export async function writeTrainingSamples(folder: string, batch: Batch, side: number, count = 64): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const shown = Math.min(count, batch.size);
  const bytes = side * side * 3;
  const { image, ...others } = batch.columns;
  if (image instanceof Uint8Array) {
    const pictures = Array.from({ length: shown }, (_, k) => image.subarray(k * bytes, (k + 1) * bytes));
    await writeFileAtomic(join(folder, 'training-batch.png'), [await pictureGrid(pictures, side, 8)]);
  }
  const facts = Array.from({ length: shown }, (_, k) => ({
    row: batch.indices[k],
    ...Object.fromEntries(Object.entries(others).flatMap(([name, values]) => rowFact(name, values?.[k]))),
  }));
  await writeFileAtomic(join(folder, 'training-batch.json'), [`${JSON.stringify(facts, null, 1)}\n`]);
}

/** The value of one row of a column: the first text that was picked, a number unless it is missing, a list as it is. */
function rowFact(name: string, value: ColumnValues[ColumnKind][number] | undefined): [string, unknown][] {
  if (value === undefined || (typeof value === 'number' && value < 0)) return [];
  if (typeof value === 'object' && 'picked' in value)
    return [[name === 'captions' ? 'caption' : name, value.picked[0]]];
  return [[name, value]];
}
