/** What it costs to compare the examples of retrieval with each other: the memory of its arrays, and time. */
import { cleanCaption, type Split, textsOf } from '@tessera/data';
import { spread } from '../examples.ts';
import { innerProducts } from './products.ts';

/** The images of a split that is evaluated. */
export interface ComparedSplit {
  readonly images: number;
  /** The number of different texts. */
  readonly texts: number;
  /** The number of different concepts. */
  readonly concepts: number;
  /** The number of training images whose concept is among them. */
  readonly known: number;
}

const pixelBytes = 3 * 16 ** 2 * Float32Array.BYTES_PER_ELEMENT;
/** The largest block of scores or distances. */
const blockBytes = 2 ** 23 * Float64Array.BYTES_PER_ELEMENT;

/** The block of a matrix [rows, columns] of f64, and the one before it, which the garbage collector may not have freed. */
const blocks = (rows: number, columns: number): number =>
  Math.min(rows * columns * Float64Array.BYTES_PER_ELEMENT, 2 * blockBytes);

/**
 * Bytes of the arrays that exist at the same time while a split is compared.
 *
 * @param training the number of training images that the pixel baseline searches; 0: none
 */
export function retrievalBytes(
  { images, texts, concepts, known }: ComparedSplit,
  dims: number,
  training: number,
): number {
  // Features, and the same with length 1.
  const features = 2 * (images + texts) * dims * Float32Array.BYTES_PER_ELEMENT;
  const scores = features + blocks(images, texts);
  if (training === 0) return scores;
  // All training images, the same at the size of the comparison, and those that are compared; the images twice.
  const pixels = (2 * training + known + 2 * images) * pixelBytes;
  const distances = blocks(images, known) + images * concepts * Float64Array.BYTES_PER_ELEMENT;
  return features + pixels + Math.max(distances, scores - features);
}

/** Multiplications of the inner products: similarities in both directions, and distances of pixels. */
export const retrievalProducts = ({ images, texts, known }: ComparedSplit, dims: number, training: number): number =>
  2 * images * texts * dims + (training === 0 ? 0 : images * known * 3 * 16 ** 2);

/** The time of one multiplication in a product of features, in seconds: the best of a few products that take some milliseconds. */
export function secondsPerProduct(): number {
  const [rows, columns, dims] = [64, 2048, 256];
  const [a, b] = [new Float32Array(rows * dims).fill(0.5), new Float32Array(columns * dims).fill(0.5)];
  const times = Array.from({ length: 4 }, () => {
    const begun = performance.now();
    innerProducts(a, b, dims);
    return performance.now() - begun;
  });
  return Math.min(...times) / 1000 / (rows * columns * dims);
}

/** The text and the concept of each row that is read. */
export interface RowKeys {
  readonly texts: readonly string[];
  readonly concepts: readonly unknown[];
}

/** Reads the texts and concepts of a split without its images. @param limit the largest number of rows; null: all */
export async function readKeys(
  split: Split,
  captions: string,
  concept: string | null,
  limit: number | null,
): Promise<RowKeys> {
  const rows = await split.rows(spread(split.length, limit), concept === null ? [captions] : [captions, concept]);
  const texts = rows.map((row) => cleanCaption(textsOf(row[captions])[0] ?? ''));
  return { texts, concepts: concept === null ? texts : rows.map((row) => row[concept]) };
}

/** Counts what is compared. @param training the rows that the pixel baseline searches; null: none */
export function comparedSplit({ texts, concepts }: RowKeys, training: RowKeys | null): ComparedSplit {
  const own = new Set(concepts);
  const pairs = new Set(texts.map((text, k) => `${concepts[k]} ${text}`));
  const known = training?.concepts.filter((concept) => own.has(concept)).length ?? 0;
  return { images: texts.length, texts: pairs.size, concepts: own.size, known };
}
