import type { Batch, Split } from '@tessera/data';
import type { CLIPEncoder } from './clip-encoder.ts';
import { joinArrays } from './encoder.ts';
import { type ReadOptions, readExamples } from './examples.ts';
import {
  downscale,
  type PixelBaseline,
  type PixelImages,
  pixelBaseline,
  type RetrievalMetrics,
  retrievalMetrics,
} from './metrics/index.ts';

/** Side of the images that the pixel baseline compares. */
const pixelSize = 16;

/** The concept of each image of a batch, as numbers that mean the same in all splits. */
export type ConceptNumbers = (batch: Batch) => ArrayLike<number>;

/** The dataset's concepts where it has them; otherwise images of equal captions show the same. */
export function conceptNumbers(hasConcepts: boolean): ConceptNumbers {
  if (hasConcepts) return ({ concepts }) => concepts;
  const numbers = new Map<string, number>();
  return ({ caption }) =>
    caption.map((text) => {
      const number = numbers.get(text) ?? numbers.size;
      numbers.set(text, number);
      return number;
    });
}

/** How a split is read. */
export type SplitOptions = Omit<ReadOptions, 'imageSize'> & { readonly concepts: ConceptNumbers };

/** A split's images and texts as a model sees them. A text that stands for several images of one concept is there once. */
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
  /** The images at the size of the pixel baseline; null if they were not asked for. */
  readonly pixels: PixelImages | null;
  /** Rows that could not be used. */
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
    features.push(await encoder.encodeImages(batch.images));
    rows.push(...batch.indices);
    captions.push(...batch.caption);
    concepts.push(...Array.from(options.concepts(batch)));
    if (options.withPixels) small.push(shrink(batch, imageSize));
  });
  const distinct = new Map<string, { text: string; concept: number }>();
  for (const [k, text] of captions.entries()) distinct.set(`${concepts[k]} ${text}`, { text, concept: concepts[k] });
  const texts = [...distinct.values()];
  return {
    split,
    dims,
    imageFeatures: joinArrays(features),
    imageConcepts: concepts,
    imageRows: rows,
    imageTexts: captions,
    texts: texts.map(({ text }) => text),
    textFeatures: await encoder.encodeTexts(texts.map(({ text }) => text)),
    textConcepts: texts.map(({ concept }) => concept),
    pixels: options.withPixels ? smallImages(small) : null,
    skipped,
  };
}

const shrink = ({ images, size }: Batch, side: number): Float32Array =>
  downscale({ data: images, count: size, height: side, width: side }, pixelSize);

function smallImages(parts: readonly Float32Array[]): PixelImages {
  const data = joinArrays(parts);
  return { data, count: data.length / (3 * pixelSize ** 2), height: pixelSize, width: pixelSize, layout: 'NCHW' };
}

/** Training images at the baseline's size, with their concepts: what raw-pixel nearest neighbour looks things up in. */
export interface PixelMemory {
  readonly images: PixelImages;
  readonly concepts: readonly number[];
}

/** Reads the images that the pixel baseline knows. */
export async function readPixelMemory(split: Split, options: SplitOptions & ReadOptions): Promise<PixelMemory> {
  const small: Float32Array[] = [];
  const concepts: number[] = [];
  await readExamples(split, options, async (batch) => {
    small.push(shrink(batch, options.imageSize));
    concepts.push(...Array.from(options.concepts(batch)));
  });
  return { images: smallImages(small), concepts };
}

/** Retrieval on one split. */
export interface RetrievalEvaluation {
  readonly split: string;
  readonly metrics: RetrievalMetrics;
  /** What raw-pixel nearest neighbour reaches on the same; null where it was not asked for. */
  readonly pixels: PixelBaseline | null;
  readonly skipped: number;
}

/** Zero-shot retrieval over an encoded split, beside the pixel baseline where there is a memory for it. */
export function evaluateRetrieval(encoded: EncodedSplit, memory: PixelMemory | null): RetrievalEvaluation {
  const { split, imageFeatures, textFeatures, dims, imageConcepts, textConcepts, pixels, skipped } = encoded;
  const concepts = { imageConcepts, textConcepts };
  return {
    split: split.name,
    metrics: retrievalMetrics(imageFeatures, textFeatures, dims, concepts),
    pixels:
      memory === null || pixels === null
        ? null
        : pixelBaseline({ trainImages: memory.images, trainConcepts: memory.concepts, images: pixels, ...concepts }),
    skipped,
  };
}
