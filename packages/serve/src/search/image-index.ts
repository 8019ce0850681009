/** An index of images: their features by a trained model, kept as Arrow files, and the nearest of them to a query. */
import { createHash } from 'node:crypto';
import {
  type EncodedImage,
  feature,
  openDataset,
  type Row,
  resolveColumns,
  type Split,
  usualColumns,
  writeDataset,
} from '@tessera/data';
import { errorMessage, exists } from '@tessera/data/io';
import type { Features, LoadedModel } from '@tessera/train';
import { nearestNeighbors } from '@tessera/train/evaluation';

/** An image of an index: where it is in its data set. */
export interface IndexedImage {
  readonly split: string;
  /** The number of its row in the split. */
  readonly row: number;
  /** The name of its file, where the data set has one. */
  readonly path: string | null;
  /** SHA-256 of its file. */
  readonly hash: string;
}

/** An image that an index found, with the cosine of its features and the query's. */
export interface FoundImage extends IndexedImage {
  readonly similarity: number;
}

/** The features of images by one model. */
export interface ImageIndex {
  /** The data set's path or address. */
  readonly dataset: string;
  readonly images: readonly IndexedImage[];
  /** Row-major [images, dims]. */
  readonly features: Features;
}

/** An image that is not in the index, and why. */
export interface LeftOutImage {
  readonly split: string;
  readonly row: number;
  readonly reason: string;
}

/** How an index was brought up to date. */
export interface IndexUpdate {
  readonly index: ImageIndex;
  /** Images whose features the stored index had already. */
  readonly kept: number;
  readonly leftOut: readonly LeftOutImage[];
}

/** What an index belongs to. It is stored as the description of its files. */
interface IndexDescription {
  readonly dataset: string;
  /** SHA-256 of the model's weights. */
  readonly model: string;
  readonly dims: number;
}

const columns = {
  split: feature.value('string'),
  row: feature.value('int64'),
  path: feature.value('string'),
  hash: feature.value('string'),
  features: feature.list(feature.value('float32')),
};

/** SHA-256 of the names and values of a model's parameters and buffers. */
async function hashOf({ subject: { model, imageSize } }: LoadedModel): Promise<string> {
  const hash = createHash('sha256').update(`${imageSize}\n`);
  for (const [name, tensor] of [...model.stateDict()].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { buffer, byteOffset, byteLength } = await tensor.data();
    hash.update(`${name}\n`).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** The features of a stored index by the hash of the image; empty where there is none, or it is of another model. */
async function storedFeatures(folder: string, model: string): Promise<Map<string, readonly number[]>> {
  if (!(await exists(folder))) return new Map();
  using stored = await openDataset(folder);
  const description = JSON.parse(stored.info.description) as IndexDescription;
  if (description.model !== model) return new Map();
  const known = new Map<string, readonly number[]>();
  for await (const { hash, features } of stored.split('images')) known.set(String(hash), features as number[]);
  return known;
}

/**
 * Opens a stored index as it is, without looking at its images.
 *
 * @throws where there is none, or it was made with another model
 */
export async function openIndex(model: LoadedModel, folder: string): Promise<ImageIndex> {
  using stored = await openDataset(folder);
  const description = describedIndex(stored.info.description);
  if (description === null) throw new Error(`${folder}: is not an index of images; make one with npm run search`);
  if (description.model !== (await hashOf(model)))
    throw new Error(`${folder}: was made with another model; npm run search brings it up to date`);
  const { dataset, dims } = description;
  const split = stored.split('images');
  const values = new Float32Array(split.length * dims);
  const images: IndexedImage[] = [];
  for await (const { split: name, row, path, hash, features } of split) {
    values.set(features as number[], images.length * dims);
    images.push({ split: String(name), row: Number(row), path: path as string | null, hash: String(hash) });
  }
  return { dataset, images, features: { values, dims } };
}

/** The description of an index; null where a text is none. */
function describedIndex(text: string): IndexDescription | null {
  try {
    const description = JSON.parse(text) as IndexDescription;
    return typeof description.model === 'string' && Number.isInteger(description.dims) ? description : null;
  } catch {
    return null;
  }
}

/** The column with the images of a split. @throws where there is none */
export const imageColumn = ({ features, path }: Split): string =>
  resolveColumns(features, { image: usualColumns.image }, path).image?.column ?? '';

/** The file of an image in a row. @throws where there is none */
export function fileOf(row: Row, column: string): { readonly bytes: Uint8Array; readonly path: string | null } {
  const value = row[column] as unknown as EncodedImage | Uint8Array | null;
  const { bytes, path } =
    value instanceof Uint8Array ? { bytes: value, path: null } : (value ?? { bytes: null, path: null });
  if (bytes === null || bytes.byteLength === 0) throw new Error('there is no image');
  return { bytes, path };
}

/** An image of a data set with its file. */
interface ImageFile extends IndexedImage {
  readonly bytes: Uint8Array;
}

/** Images that are decoded and embedded at the same time. */
const batchSize = 64;

/** The images of some rows; and those without a file. */
async function readRows(
  split: Split,
  column: string,
  rows: readonly number[],
): Promise<{ readonly files: readonly ImageFile[]; readonly without: readonly LeftOutImage[] }> {
  const files: ImageFile[] = [];
  const without: LeftOutImage[] = [];
  for (const row of rows)
    try {
      const { bytes, path } = fileOf(await split.row(row, [column]), column);
      files.push({ split: split.name, row, path, hash: createHash('sha256').update(bytes).digest('hex'), bytes });
    } catch (error) {
      without.push({ split: split.name, row, reason: errorMessage(error) });
    }
  return { files, without };
}

/** The features of each image; or why it has none. */
async function embedFiles(model: LoadedModel, files: readonly ImageFile[]): Promise<(readonly number[] | string)[]> {
  const read = await model.readImagesSettled(
    files.map(({ bytes, path, split, row }) => ({ bytes, name: path ?? `${split}, row ${row}` })),
  );
  const pixels = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const { values, dims } = await model.embedPixels(Buffer.concat(pixels));
  let next = 0;
  return read.map((result) => {
    if (result.status === 'rejected') return errorMessage(result.reason);
    const place = next++;
    return Array.from(values.subarray(place * dims, (place + 1) * dims));
  });
}

/**
 * The index of all images of a data set, which is stored in `folder`. Images that the stored index of the same model has are not embedded
 * again: an index is brought up to date in the time that its new images take.
 *
 * @param dataset anything that `openDataset` opens
 * @param onProgress called with the number of images that are done, and of all
 * @throws where the data set cannot be read, or the model has no image tower
 */
export async function updateIndex(
  model: LoadedModel,
  dataset: string,
  folder: string,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<IndexUpdate> {
  using opened = await openDataset(dataset);
  const splits = Object.values(opened.splits);
  const total = splits.reduce((sum, { length }) => sum + length, 0);
  const identity = await hashOf(model);
  const known = await storedFeatures(folder, identity);
  const images: IndexedImage[] = [];
  const features: (readonly number[])[] = [];
  const leftOut: LeftOutImage[] = [];
  let kept = 0;
  for (const split of splits) {
    const column = imageColumn(split);
    for (let first = 0; first < split.length; first += batchSize) {
      onProgress(images.length + leftOut.length, total);
      const rows = Array.from({ length: Math.min(batchSize, split.length - first) }, (_, k) => first + k);
      const { files, without } = await readRows(split, column, rows);
      leftOut.push(...without);
      const fresh = files.filter(({ hash }) => !known.has(hash));
      const embedded = new Map((await embedFiles(model, fresh)).map((found, k) => [fresh[k], found]));
      for (const file of files) {
        const { bytes: _, ...image } = file;
        const own = known.get(file.hash) ?? embedded.get(file) ?? [];
        if (typeof own === 'string') leftOut.push({ split: file.split, row: file.row, reason: own });
        else {
          images.push(image);
          features.push(own);
          if (known.has(file.hash)) kept++;
        }
      }
    }
  }
  onProgress(total, total);
  if (images.length === 0) throw new Error(`${dataset}: has no image that can be decoded`);
  const dims = features[0]?.length ?? 0;
  const description: IndexDescription = { dataset: opened.path, model: identity, dims };
  await writeDataset(
    folder,
    { features: columns, info: { description: JSON.stringify(description) }, overwrite: true },
    { images: images.map((image, k) => ({ ...image, features: features[k] ?? [] })) },
  );
  const values = new Float32Array(images.length * dims);
  for (const [k, own] of features.entries()) values.set(own, k * dims);
  return { index: { dataset: opened.path, images, features: { values, dims } }, kept, leftOut };
}

/**
 * The images whose features have the largest cosines with the query's, the most similar first. An image that occurs several times in the
 * data set is found once.
 *
 * @param query features of one text or image, [dims]
 */
export function findNearest({ images, features }: ImageIndex, query: Float32Array, count: number): FoundImage[] {
  const repeats = images.length - new Set(images.map(({ hash }) => hash)).size;
  const { indices, scores } = nearestNeighbors(query, features.values, features.dims, count + repeats);
  const found = new Map<string, FoundImage>();
  for (const [k, place] of indices.entries()) {
    const image = images[place] as IndexedImage;
    if (!found.has(image.hash)) found.set(image.hash, { ...image, similarity: scores[k] ?? Number.NaN });
    if (found.size === count) break;
  }
  return [...found.values()];
}
