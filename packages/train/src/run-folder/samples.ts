/** Samples of the training data, as pictures and text. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Batch, ColumnKind, ColumnValues } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import type { Tensor } from '@tessera/tensor';
import { pictureSheet, picturesOf } from '../report/pictures.ts';

/**
 * Writes the training data as the model receives it: `training-batch.png` with the images of a batch, augmented and arranged as the task
 * does it, and `training-batch.json` with the other columns of each, in the order of the picture's rows.
 *
 * @param images u8 [size, H, W, 3]
 * @param describeRow what a task has to say about a row, besides its columns
 */
export async function writeTrainingSamples(
  folder: string,
  batch: Batch,
  images: Tensor,
  describeRow: (row: number) => object = () => ({}),
  count = 64,
): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const shown = Math.min(count, batch.size);
  const { image: _, ...others } = batch.columns;
  const pictures = await picturesOf(images.slice(0, 0, shown));
  const [first] = pictures;
  if (first !== undefined) {
    const sheet = await pictureSheet(
      pictures.map(({ pixels }) => pixels),
      first,
      8,
    );
    await writeFileAtomic(join(folder, 'training-batch.png'), [sheet]);
  }
  const facts = Array.from({ length: shown }, (_, k) => ({
    row: batch.indices[k],
    ...Object.fromEntries(Object.entries(others).flatMap(([name, values]) => rowFact(name, values?.[k]))),
    ...describeRow(k),
  }));
  await writeFileAtomic(join(folder, 'training-batch.json'), [`${JSON.stringify(facts, null, 1)}\n`]);
}

/** The value of one row of a column: the first picked text, a number unless it is missing, or a list. */
function rowFact(name: string, value: ColumnValues[ColumnKind][number] | undefined): [string, unknown][] {
  if (value === undefined || (typeof value === 'number' && value < 0)) return [];
  if (typeof value === 'object' && 'picked' in value)
    return [[name === 'captions' ? 'caption' : name, value.picked[0]]];
  return [[name, value]];
}
