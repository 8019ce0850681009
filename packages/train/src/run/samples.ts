import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import sharp from 'sharp';

/** Pictures of one side (u8 [S, S, 3] each) as a PNG with `columns` in a row, a white pixel apart. */
export async function pictureGrid(pictures: readonly Uint8Array[], side: number, columns: number): Promise<Buffer> {
  const step = side + 1;
  const rows = Math.ceil(pictures.length / columns);
  const [width, height] = [columns * step + 1, rows * step + 1];
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [k, picture] of pictures.entries()) {
    const left = (k % columns) * step + 1;
    const top = Math.floor(k / columns) * step + 1;
    for (let y = 0; y < side; y++)
      pixels.set(picture.subarray(y * side * 3, (y + 1) * side * 3), ((top + y) * width + left) * 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/**
 * What the model is given: `training-batch.png` with the images of a batch as augmented, and `training-batch.json` with what belongs
 * to each, in the order of the picture's rows.
 */
export async function writeTrainingSamples(folder: string, batch: Batch, side: number, count = 64): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const shown = Math.min(count, batch.size);
  const bytes = side * side * 3;
  const pictures = Array.from({ length: shown }, (_, k) => batch.images.subarray(k * bytes, (k + 1) * bytes));
  const facts = pictures.map((_, k) => ({
    row: batch.indices[k],
    ...(batch.caption[k] === '' ? {} : { caption: batch.caption[k] }),
    ...(batch.labels[k] < 0 ? {} : { label: batch.labels[k] }),
  }));
  await writeFileAtomic(join(folder, 'training-batch.png'), [await pictureGrid(pictures, side, 8)]);
  await writeFileAtomic(join(folder, 'training-batch.json'), [`${JSON.stringify(facts, null, 1)}\n`]);
}
