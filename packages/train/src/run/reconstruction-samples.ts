import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import type { ReconstructionEvaluation } from '../evaluation/reconstruction.ts';
import { pictureGrid } from './samples.ts';

const columns = 8;

/** Pictures as a PNG: a row of originals, below it the same as they came back, and so on. */
export function reconstructionGrid({ examples }: ReconstructionEvaluation, side: number): Promise<Buffer> {
  const rows = Array.from({ length: Math.ceil(examples.length / columns) }, (_, row) =>
    examples.slice(row * columns, (row + 1) * columns),
  );
  const blank = new Uint8Array(side * side * 3).fill(255);
  const filled = (pictures: Uint8Array[]): Uint8Array[] =>
    Array.from({ length: columns }, (_, k) => pictures[k] ?? blank);
  const pictures = rows.flatMap((row) => [
    ...filled(row.map(({ original }) => original)),
    ...filled(row.map(({ reconstruction }) => reconstruction)),
  ]);
  return pictureGrid(pictures, side, columns);
}

/** Writes `reconstruction-SPLIT.png` into the folder. */
export async function writeReconstructions(
  folder: string,
  evaluation: ReconstructionEvaluation,
  side: number,
): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const path = join(folder, `reconstruction-${evaluation.split}.png`);
  await writeFileAtomic(path, [await reconstructionGrid(evaluation, side)]);
}
