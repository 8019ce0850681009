/** Originals and reconstructions in one picture. */
import { pictureGrid } from '../../report/pictures.ts';

/** A picture and its reconstruction, u8 [side, side, 3] each. */
export interface ReconstructedPicture {
  readonly original: Uint8Array;
  readonly reconstruction: Uint8Array;
}

const columns = 8;

/** A PNG: a row of originals, below it their reconstructions, and so on. */
export function reconstructionGrid(examples: readonly ReconstructedPicture[], side: number): Promise<Buffer> {
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
