import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { pictureGrid, pixelsDataUri } from '../../report/pictures.ts';
import { type PictureOptions, readPictures, spread } from '../examples.ts';
import { embeddingMap } from './embedding-map.ts';
import type { EncodedSplit } from './encode-split.ts';
import type { RetrievalMetrics } from './metrics.ts';
import { type Neighbours, nearestNeighbours } from './metrics.ts';
import type { PixelBaseline } from './pixels.ts';
import type { ImageNeighbours, ImageQuery, RetrievalReport, TextQuery } from './report.ts';

export interface ExampleCounts {
  /** Images that are looked up, evenly spread over the split. */
  readonly images: number;
  readonly texts: number;
  /** Images whose nearest images are looked up. */
  readonly neighbours: number;
  /** Answers shown for each. */
  readonly results: number;
}

/** One of the best answers to a query. */
interface Answer {
  /** Number of the image or text in the split. */
  readonly item: number;
  /** Cosine similarity. */
  readonly score: number;
  readonly right: boolean;
}

/** Some queries of a split with the answers that the model holds for the best. */
export interface RetrievalExamples {
  readonly encoded: EncodedSplit;
  /** Images by number, with texts as answers. */
  readonly images: readonly { readonly query: number; readonly answers: readonly Answer[] }[];
  /** Texts by number, with images as answers. */
  readonly texts: readonly { readonly query: number; readonly answers: readonly Answer[] }[];
  /** Images by number, with the other images most like them. */
  readonly neighbours: readonly { readonly query: number; readonly answers: readonly Answer[] }[];
  /** Side of the pictures. */
  readonly side: number;
  /** Pixels of an image by number, for all that are shown: u8 [side, side, 3]. */
  picture(image: number): Uint8Array;
}

/** Looks up some images and texts of a split. */
export async function findRetrievalExamples(
  encoded: EncodedSplit,
  read: PictureOptions,
  counts: ExampleCounts = { images: 8, texts: 6, neighbours: 6, results: 5 },
): Promise<RetrievalExamples> {
  const { imageFeatures, textFeatures, dims, imageConcepts, textConcepts, imageRows, texts } = encoded;
  const lookUp = (
    queries: readonly number[],
    features: Float32Array,
    concepts: readonly number[],
    items: Float32Array,
    itemConcepts: readonly number[],
    results = counts.results,
  ): RetrievalExamples['images'] => {
    const picked = new Float32Array(queries.length * dims);
    for (const [k, row] of queries.entries()) picked.set(features.subarray(row * dims, (row + 1) * dims), k * dims);
    const { indices, scores, k }: Neighbours = nearestNeighbours(picked, items, dims, results);
    return queries.map((query, row) => ({
      query,
      answers: Array.from({ length: k }, (_, place): Answer => {
        const item = indices[row * k + place];
        return { item, score: scores[row * k + place], right: itemConcepts[item] === concepts[query] };
      }),
    }));
  };
  const imageQueries = spread(imageRows.length, counts.images);
  const textQueries = spread(texts.length, counts.texts);
  const forImages = lookUp(imageQueries, imageFeatures, imageConcepts, textFeatures, textConcepts);
  const forTexts = lookUp(textQueries, textFeatures, textConcepts, imageFeatures, imageConcepts);
  // The nearest image is the query itself, or one of exactly its features: one more is asked for, and the query left out.
  const nearQueries = spread(imageRows.length, counts.neighbours);
  const near = lookUp(nearQueries, imageFeatures, imageConcepts, imageFeatures, imageConcepts, counts.results + 1);
  const neighbours = near.map(({ query, answers }) => ({
    query,
    answers: answers.filter(({ item }) => item !== query).slice(0, counts.results),
  }));
  const answers = [...forTexts, ...neighbours].flatMap((found) => found.answers.map(({ item }) => item));
  const shown = [...imageQueries, ...nearQueries, ...answers];
  const rows = shown.map((image) => imageRows[image]);
  const pictures = await readPictures(encoded.split, rows, read);
  return {
    encoded,
    images: forImages,
    texts: forTexts,
    neighbours,
    side: read.imageSize,
    picture: (image) => pictures.get(imageRows[image]) as Uint8Array,
  };
}

/** A split's retrieval with examples as pictures, for the report. */
export async function describeRetrieval(
  {
    split,
    metrics,
    pixels,
  }: { readonly split: string; readonly metrics: RetrievalMetrics; readonly pixels: PixelBaseline | null },
  { encoded, images, texts: textQueries, neighbours, side, picture }: RetrievalExamples,
): Promise<RetrievalReport> {
  const { imageTexts, texts } = encoded;
  const dataUri = (image: number): ReturnType<typeof pixelsDataUri> =>
    pixelsDataUri(picture(image), { height: side, width: side, channels: 3 });
  const describeImage = async ({ query, answers }: RetrievalExamples['images'][number]): Promise<ImageQuery> => ({
    image: await dataUri(query),
    caption: imageTexts[query],
    results: answers.map(({ item, score, right }) => ({ text: texts[item], score, right })),
  });
  const describePictures = (answers: readonly Answer[]): Promise<TextQuery['results']> =>
    Promise.all(
      answers.map(async ({ item, score, right }) => ({
        image: await dataUri(item),
        caption: imageTexts[item],
        score,
        right,
      })),
    );
  const describeText = async ({ query, answers }: RetrievalExamples['texts'][number]): Promise<TextQuery> => ({
    text: texts[query],
    results: await describePictures(answers),
  });
  const describeNear = async ({
    query,
    answers,
  }: RetrievalExamples['neighbours'][number]): Promise<ImageNeighbours> => ({
    image: await dataUri(query),
    caption: imageTexts[query],
    results: await describePictures(answers),
  });
  return {
    split,
    metrics,
    ...(pixels === null ? {} : { pixels }),
    imageQueries: await Promise.all(images.map(describeImage)),
    textQueries: await Promise.all(textQueries.map(describeText)),
    imageNeighbours: await Promise.all(neighbours.map(describeNear)),
    embeddings: embeddingMap(encoded),
  };
}

/**
 * The text queries as files: `retrieval-SPLIT.png` with a row of answers for each, best first, and `retrieval-SPLIT.json` with the words to it.
 */
export async function writeRetrievalSamples(
  folder: string,
  { encoded: { split, texts, imageTexts }, texts: queries, side, picture }: RetrievalExamples,
): Promise<void> {
  const pictures = queries.flatMap(({ answers }) => answers.map(({ item }) => picture(item)));
  const words = queries.map(({ query, answers }) => ({
    query: texts[query],
    answers: answers.map(({ item, score, right }) => ({ caption: imageTexts[item], score, right })),
  }));
  const path = join(folder, `retrieval-${split.name}`);
  await writeFileAtomic(`${path}.png`, [await pictureGrid(pictures, side, queries[0].answers.length)]);
  await writeFileAtomic(`${path}.json`, [`${JSON.stringify(words, null, 1)}\n`]);
}
