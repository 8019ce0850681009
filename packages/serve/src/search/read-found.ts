/** The files of images that an index found, read from its data set again. */
import { createHash } from 'node:crypto';
import type { Dataset } from '@tessera/data';
import { type FoundImage, fileOf, imageColumn } from './image-index.ts';

/** An image that was found, with the bytes of its file. */
export interface FoundFile extends FoundImage {
  readonly bytes: Uint8Array;
}

/** Reads the files of found images from the data set of their index. @throws where it has changed since it was indexed */
export async function readFound(dataset: Dataset, found: readonly FoundImage[]): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  for (const image of found) {
    const split = dataset.split(image.split);
    const column = imageColumn(split);
    const { bytes } = fileOf(await split.row(image.row, [column]), column);
    if (createHash('sha256').update(bytes).digest('hex') !== image.hash)
      throw new Error(
        `${dataset.path}, split "${image.split}", row ${image.row}: has another image than when it was indexed; search again`,
      );
    files.push({ ...image, bytes });
  }
  return files;
}
