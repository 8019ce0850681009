/** The images that the front half encodes, from a folder or a dataset. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { DataLoader, decodeImage, openDataset, usualColumns } from '@tessera/data';
import { errorMessage } from '@tessera/data/io';
import { toCaller } from '../call.ts';
import { UsageError } from '../command.ts';
import { isKnownDataset, locateDataset } from '../datasets.ts';

/** Images as in evaluation: the shorter side is resized, and the center square is cut out. */
export interface ImageBatch {
  /** u8 [ids.length, S, S, 3] */
  readonly images: Uint8Array;
  /** File names, or split and row of a dataset. */
  readonly ids: readonly string[];
}

export interface ImageOptions {
  readonly imageSize: number;
  readonly batchSize: number;
  /** The split of a dataset; null: its first. */
  readonly split: string | null;
  /** The largest number of images; null: all. */
  readonly limit: number | null;
}

const imageName = /\.(png|jpe?g|webp|gif|avif|tiff?|svg)$/i;

/** Reads a folder of images in the order of their names, or a dataset. */
export async function* readImages(source: string, options: ImageOptions): AsyncGenerator<ImageBatch> {
  const folder = await locateDataset(source);
  const names = isKnownDataset(source) ? [] : (await fs.readdir(folder)).filter((name) => imageName.test(name));
  if (names.length > 0) yield* readFolder(folder, names.sort(), options);
  else yield* readDataset(folder, options);
}

async function* readFolder(
  folder: string,
  names: readonly string[],
  { imageSize, batchSize, limit, split }: ImageOptions,
): AsyncGenerator<ImageBatch> {
  if (split !== null)
    throw new UsageError(`${toCaller(folder)} is a folder of images, which has no splits; leave out --split ${split}`);
  const kept = names.slice(0, limit ?? names.length);
  const bytes = imageSize * imageSize * 3;
  for (let first = 0; first < kept.length; first += batchSize) {
    const ids = kept.slice(first, first + batchSize);
    const images = new Uint8Array(ids.length * bytes);
    for (const [k, name] of ids.entries()) {
      try {
        const { data } = await decodeImage(await fs.readFile(join(folder, name)), { kind: 'square', size: imageSize });
        images.set(data, k * bytes);
      } catch (cause) {
        throw new Error(`${toCaller(join(folder, name))}: cannot be decoded as an image (${errorMessage(cause)})`, {
          cause,
        });
      }
    }
    yield { images, ids };
  }
}

async function* readDataset(
  folder: string,
  { imageSize, batchSize, limit, split: name }: ImageOptions,
): AsyncGenerator<ImageBatch> {
  using dataset = await openDataset(folder);
  const split = dataset.split(name ?? Object.keys(dataset.splits)[0] ?? 'train');
  const rows = Array.from({ length: Math.min(limit ?? split.length, split.length) }, (_, row) => row);
  const columns = { image: usualColumns.image };
  const loader = new DataLoader(split, { imageSize, batchSize, rows, columns, strict: true, cacheBytes: 0 });
  try {
    for await (const { columns: found, indices } of loader.epoch(0))
      yield { images: found.image, ids: Array.from(indices, (row) => `${split.name}/${row}`) };
  } finally {
    await loader.close();
  }
}
