/** The images that a server searches: their index, and small pictures of them. */
import { basename } from 'node:path';
import { type Dataset, openImage } from '@tessera/data';
import { findNearest, type ImageIndex, type IndexedImage } from '../search/image-index.ts';
import { readFound } from '../search/read-found.ts';
import type { Answers } from './schemas.ts';

/** An index with the data set that its images are in. */
export interface SearchedImages {
  /** What the data set is called. */
  readonly name: string;
  readonly index: ImageIndex;
  readonly dataset: Dataset;
}

/** The longer side of a picture, in pixels. */
const shownSize = 256;

/** The number of pictures that are kept in memory. */
const keptPictures = 500;

export class PictureShelf {
  readonly #dataset: Dataset;
  readonly #images: ReadonlyMap<string, IndexedImage>;
  /** By hash, the ones used last at the end. */
  readonly #pictures = new Map<string, Promise<Buffer>>();

  constructor({ index, dataset }: SearchedImages) {
    this.#dataset = dataset;
    this.#images = new Map(index.images.map((image) => [image.hash, image]));
  }

  /** A small picture as WebP; null where no image has this hash. */
  picture(hash: string): Promise<Buffer> | null {
    const image = this.#images.get(hash);
    if (image === undefined) return null;
    const picture = this.#pictures.get(hash) ?? this.#draw(image);
    this.#pictures.delete(hash);
    this.#pictures.set(hash, picture);
    // A failure is not kept: the file may be there again.
    picture.catch(() => this.#pictures.delete(hash));
    const [oldest] = this.#pictures.keys();
    if (this.#pictures.size > keptPictures && oldest !== undefined) this.#pictures.delete(oldest);
    return picture;
  }

  async #draw(image: IndexedImage): Promise<Buffer> {
    const [file] = await readFound(this.#dataset, [{ ...image, similarity: 1 }]);
    if (file === undefined) throw new Error(`${this.#dataset.path}: image ${image.hash} was not read`);
    return openImage(file.bytes)
      .resize({ width: shownSize, height: shownSize, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 80 })
      .toBuffer();
  }
}

const thumbnailPath = (hash: string): string => `/thumbnails/${hash}`;

/** The images nearest to some features, as an answer lists them. */
export const findImages = (
  { index }: SearchedImages,
  features: Float32Array,
  count: number,
): Answers['search']['queries'][number]['found'] =>
  findNearest(index, features, count).map(({ similarity, split, row, path, hash }) => ({
    ...{ similarity, split, row, path: path === null ? null : basename(path), thumbnail: thumbnailPath(hash) },
  }));
