/** Encodes a split: the features of its images and texts from a CLIP model, and the small pictures of the pixel baseline. */
import { type Batch, type ColumnRequest, cleanCaption, type Split, usualColumns } from '@tessera/data';
import type { CLIPEncoder } from '../clip-encoder.ts';
import { elementAt } from '../element-at.ts';
import { joinArrays } from '../encoder.ts';
import { type ReadOptions, readExamples } from '../examples.ts';
import { downscale, type PixelImages } from './pixels.ts';

/** The columns that retrieval reads. */
export type PairColumns = {
  readonly image: ColumnRequest<'image'>;
  readonly captions: ColumnRequest<'texts'>;
  readonly concept: ColumnRequest<'integer'> & { readonly optional: true };
};

export const pairColumns: PairColumns = {
  image: usualColumns.image,
  captions: usualColumns.captions,
  concept: { ...usualColumns.concept, optional: true },
};

type PairBatch = Batch<PairColumns>;

/** Side of the images that the pixel baseline compares. */
const pixelSize = 16;

/** The first caption that was picked for each row. */
const firstCaptions = ({ columns }: PairBatch): string[] => columns.captions.map(({ picked }) => picked[0] ?? '');

/** The concept of each image of a batch, as a number that means the same in all splits. */
export type ConceptNumbers = (batch: PairBatch) => ArrayLike<number>;

/** Numbers values 0, 1, 2, ... in the order in which they first occur. Equal values have the same number. */
function numbering<T>(): (value: T) => number {
  const numbers = new Map<T, number>();
  return (value) => {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return number;
  };
}

/**
 * The data set's concepts where it has them; otherwise images with equal captions have the same concept, where captions are equal that differ
 * only in what the tokenizer's cleaning removes, such as case and spacing.
 */
export function conceptNumbers(): ConceptNumbers {
  const numberOf = numbering<string>();
  return (batch) => batch.columns.concept ?? firstCaptions(batch).map((caption) => numberOf(cleanCaption(caption)));
}

/** How a split is read. */
export type SplitOptions = Omit<ReadOptions<PairColumns>, 'imageSize'> & { readonly concepts: ConceptNumbers };

/** The features of a split's images and texts. A text that several images of one concept share occurs once. */
export interface EncodedSplit {
  readonly split: Split;
  readonly dims: number;
  readonly imageFeatures: Float32Array;
  readonly imageConcepts: readonly number[];
  /** Row of each image in the split. */
  readonly imageRows: readonly number[];
  /** The caption of each image. */
  readonly imageTexts: readonly string[];
  readonly texts: readonly string[];
  readonly textFeatures: Float32Array;
  readonly textConcepts: readonly number[];
  /** The images at the size of the pixel baseline; null if they were not requested. */
  readonly pixels: PixelImages | null;
  /** The number of rows that could not be used. */
  readonly skipped: number;
}

/** Reads and encodes a split. */
export async function encodeSplit(
  encoder: CLIPEncoder,
  split: Split,
  options: SplitOptions & { readonly withPixels: boolean },
): Promise<EncodedSplit> {
  const { imageSize, dims } = encoder;
  const features: Float32Array[] = [];
  const rows: number[] = [];
  const captions: string[] = [];
  const concepts: number[] = [];
  const small: Float32Array[] = [];
  const { skipped } = await readExamples(split, { ...options, imageSize }, async (batch) => {
    features.push(await encoder.encodeImages(batch.columns.image));
    rows.push(...batch.indices);
    captions.push(...firstCaptions(batch));
    concepts.push(...Array.from(options.concepts(batch)));
    if (options.withPixels) small.push(shrink(batch, imageSize));
  });
  const distinct = new Map<string, { text: string; concept: number }>();
  const imageTexts = captions.map((text, k) => {
    const concept = elementAt(concepts, k);
    const key = `${concept} ${cleanCaption(text)}`;
    const known = distinct.get(key) ?? { text, concept };
    distinct.set(key, known);
    return known.text;
  });
  const texts = [...distinct.values()];
  return {
    split,
    dims,
    imageFeatures: joinArrays(features),
    imageConcepts: concepts,
    imageRows: rows,
    imageTexts,
    texts: texts.map(({ text }) => text),
    textFeatures: await encoder.encodeTexts(texts.map(({ text }) => text)),
    textConcepts: texts.map(({ concept }) => concept),
    pixels: options.withPixels ? smallImages(small) : null,
    skipped,
  };
}

const shrink = ({ columns, size }: PairBatch, side: number): Float32Array =>
  downscale({ data: columns.image, count: size, height: side, width: side }, pixelSize);

function smallImages(parts: readonly Float32Array[]): PixelImages {
  const data = joinArrays(parts);
  return { data, count: data.length / (3 * pixelSize ** 2), height: pixelSize, width: pixelSize, layout: 'NCHW' };
}

/** Training images at the baseline's size, with their concepts: what the raw-pixel nearest neighbor searches. */
export interface PixelMemory {
  readonly images: PixelImages;
  readonly concepts: readonly number[];
}

/** Reads the images that the pixel baseline searches. */
export async function readPixelMemory(
  split: Split,
  options: SplitOptions & { readonly imageSize: number },
): Promise<PixelMemory> {
  const small: Float32Array[] = [];
  const concepts: number[] = [];
  await readExamples(split, options, async (batch) => {
    small.push(shrink(batch, options.imageSize));
    concepts.push(...Array.from(options.concepts(batch)));
  });
  return { images: smallImages(small), concepts };
}
