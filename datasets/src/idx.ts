/** Reading of IDX files, the format of MNIST, Fashion-MNIST and Kuzushiji-MNIST. */
import { gunzipSync } from 'node:zlib';
import { errorMessage } from '@tessera/data/io';
import type { DatasetBuilder } from './builder.ts';
import type { GrayImage } from './gray-images.ts';
import { baseOf, locate } from './source/builder.ts';
import type { SourceFiles } from './source/source-files.ts';

/** The four files, in words. */
export const idxDownloads =
  'the four files train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz, as they are or unpacked';

/** An array of bytes from an IDX file. */
interface IdxArray {
  shape: number[];
  data: Uint8Array;
}

/** The length and width of the images in pixels. */
const side = 28;

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * Reads an IDX file of unsigned bytes, gzipped or not: two zero bytes, the type (8), the number of dimensions, each dimension as a
 * big-endian 32-bit integer, then the values.
 *
 * @param shape the expected shape; null for an axis of any size
 * @throws if the file is missing or damaged, or has another shape
 */
async function readIdx(files: SourceFiles, file: string, shape: readonly (number | null)[]): Promise<IdxArray> {
  let bytes: Buffer;
  try {
    const stored = await files.read(file);
    bytes = isGzip(stored) ? gunzipSync(stored) : Buffer.from(stored);
  } catch (error) {
    throw new Error(`${files.where}: ${file}: cannot be read (${errorMessage(error)})`);
  }
  const header = 4 + 4 * shape.length;
  if (bytes.length < header || bytes.readUInt32BE(0) !== 0x800 + shape.length) {
    throw new Error(`${files.where}: ${file}: is not an IDX file of bytes in ${shape.length} dimensions`);
  }
  const found = shape.map((_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = header + found.reduce((a, b) => a * b, 1);
  if (found.some((size, i) => shape[i] !== null && shape[i] !== size) || bytes.length !== expected) {
    throw new Error(
      `${files.where}: ${file}: has ${bytes.length} bytes and shape [${found}]; expected shape [${shape.map((size) => size ?? '*')}]`,
    );
  }
  return { shape: found, data: bytes.subarray(header) };
}

/** The splits, and the prefixes of their file names. */
const prefixes = { train: 'train', test: 't10k' } as const;

/** The name of a file: gzipped as it is published, unpacked, or unpacked with a dot as some programs do. */
function nameOf(files: SourceFiles, prefix: string, content: 'images' | 'labels'): string {
  const kind = { images: 'idx3-ubyte', labels: 'idx1-ubyte' }[content];
  const published = `${prefix}-${content}-${kind}.gz`;
  const names = [published, `${prefix}-${content}-${kind}`, `${prefix}-${content}.${kind}`];
  return names.find((name) => baseOf(files, name) !== null) ?? published;
}

/**
 * Reads the images and labels of both splits from four IDX files.
 *
 * @param classes the number of classes
 * @throws if a file is missing or damaged, or a label is not a class; the message names it
 */
export async function readIdxImages(
  files: SourceFiles,
  builder: DatasetBuilder,
  classes: number,
): Promise<GrayImage[]> {
  const splits = (['train', 'test'] as const).map((split) => ({
    split,
    images: nameOf(files, prefixes[split], 'images'),
    labels: nameOf(files, prefixes[split], 'labels'),
  }));
  const base = locate(
    files,
    splits.flatMap(({ images, labels }) => [images, labels]),
    builder,
  );
  const rows: GrayImage[] = [];
  for (const { split, images, labels } of splits) {
    const pixels = await readIdx(files, base + images, [null, side, side]);
    const [count = 0] = pixels.shape;
    const { data } = await readIdx(files, base + labels, [count]);
    for (const [i, label] of data.entries()) {
      if (label >= classes)
        throw new Error(`${files.where}: ${base}${labels}: label ${i} is ${label}; expected less than ${classes}`);
      rows.push({ split, label, pixels: pixels.data.subarray(i * side ** 2, (i + 1) * side ** 2) });
    }
  }
  return rows;
}
