/** Examples of retrieval: queries of a split with their best answers, for the report and the run's samples. */
import { join } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { pictureGrid, pixelsDataUri } from '../../report/pictures.ts';
import type { DataUri } from '../../report/report-data.ts';
import { elementAt } from '../element-at.ts';
import { type PictureOptions, pictureOf, readPictures, spread } from '../examples.ts';
import { embeddingMap } from './embedding-map.ts';
import type { EncodedSplit } from './encode-split.ts';
import { nearestNeighbors, type RetrievalMetrics } from './metrics.ts';
import type { PixelBaseline } from './pixels.ts';
import { rowAt } from './products.ts';
import type { RetrievalReport, TextQuery } from './report.ts';

export interface ExampleCounts {
  /** Images that are looked up, evenly spread over the split. */
  readonly images: number;
  readonly texts: number;
  /** Images whose nearest images are looked up. */
  readonly neighbors: number;
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

/** A query, by its number in the split, with its answers, best first. */
interface Answers {
  readonly query: number;
  readonly answers: readonly Answer[];
}

/** Some queries of a split with the answers that the model ranks highest. */
export interface RetrievalExamples {
  readonly encoded: EncodedSplit;
  /** Images, with texts as answers. */
  readonly images: readonly Answers[];
  /** Texts, with images as answers. */
  readonly texts: readonly Answers[];
  /** Images, with the other images most similar to them. */
  readonly neighbors: readonly Answers[];
  /** Side of the pictures. */
  readonly side: number;
  /** Pixels of an image by number, for all that are shown: u8 [side, side, 3]. */
  picture(image: number): Uint8Array;
}

/** Images or texts with their concepts. */
interface Items {
  readonly features: Float32Array;
  readonly concepts: readonly number[];
}

/** The best answers to some queries. */
function lookUp(queries: readonly number[], from: Items, among: Items, dims: number, count: number): Answers[] {
  const picked = new Float32Array(queries.length * dims);
  for (const [k, row] of queries.entries()) picked.set(rowAt(from.features, row, dims), k * dims);
  const { indices, scores, k } = nearestNeighbors(picked, among.features, dims, count);
  return queries.map((query, row) => {
    const best = [...indices.subarray(row * k, (row + 1) * k)];
    return {
      query,
      answers: best.map((item, place) => ({
        item,
        score: elementAt(scores, row * k + place),
        right: among.concepts[item] === from.concepts[query],
      })),
    };
  });
}

/** Looks up some images and texts of a split. */
export async function findRetrievalExamples(
  encoded: EncodedSplit,
  read: PictureOptions,
  counts: ExampleCounts = { images: 8, texts: 6, neighbors: 6, results: 5 },
): Promise<RetrievalExamples> {
  const { dims, imageRows } = encoded;
  const images: Items = { features: encoded.imageFeatures, concepts: encoded.imageConcepts };
  const texts: Items = { features: encoded.textFeatures, concepts: encoded.textConcepts };
  const imageQueries = spread(imageRows.length, counts.images);
  const nearQueries = spread(imageRows.length, counts.neighbors);
  const forImages = lookUp(imageQueries, images, texts, dims, counts.results);
  const forTexts = lookUp(spread(encoded.texts.length, counts.texts), texts, images, dims, counts.results);
  // The nearest image is the query itself, or one with equal features: one more is looked up, and the query is left out.
  const neighbors = lookUp(nearQueries, images, images, dims, counts.results + 1).map(({ query, answers }) => ({
    query,
    answers: answers.filter(({ item }) => item !== query).slice(0, counts.results),
  }));
  const answers = [...forTexts, ...neighbors].flatMap((found) => found.answers.map(({ item }) => item));
  const rows = [...imageQueries, ...nearQueries, ...answers].map((image) => elementAt(imageRows, image));
  const pictures = await readPictures(encoded.split, rows, read);
  return {
    encoded,
    images: forImages,
    texts: forTexts,
    neighbors,
    side: read.imageSize,
    picture: (image) => pictureOf(pictures, elementAt(imageRows, image)),
  };
}

/** The metrics of a split with examples as pictures, for the report. */
export async function describeRetrieval(
  {
    split,
    metrics,
    pixels,
  }: { readonly split: string; readonly metrics: RetrievalMetrics; readonly pixels: PixelBaseline | null },
  { encoded, images, texts, neighbors, side, picture }: RetrievalExamples,
): Promise<RetrievalReport> {
  const caption = (image: number): string => elementAt(encoded.imageTexts, image);
  const text = (index: number): string => elementAt(encoded.texts, index);
  const dataUri = (image: number): Promise<DataUri> =>
    pixelsDataUri(picture(image), { height: side, width: side, channels: 3 });
  const describePictures = (answers: readonly Answer[]): Promise<TextQuery['results']> =>
    Promise.all(
      answers.map(async ({ item, score, right }) => ({
        image: await dataUri(item),
        caption: caption(item),
        score,
        right,
      })),
    );
  return {
    split,
    metrics,
    ...(pixels === null ? {} : { pixels }),
    imageQueries: await Promise.all(
      images.map(async ({ query, answers }) => ({
        image: await dataUri(query),
        caption: caption(query),
        results: answers.map(({ item, score, right }) => ({ text: text(item), score, right })),
      })),
    ),
    textQueries: await Promise.all(
      texts.map(async ({ query, answers }) => ({ text: text(query), results: await describePictures(answers) })),
    ),
    imageNeighbors: await Promise.all(
      neighbors.map(async ({ query, answers }) => ({
        image: await dataUri(query),
        caption: caption(query),
        results: await describePictures(answers),
      })),
    ),
    embeddings: embeddingMap(encoded),
  };
}

/**
 * Writes the text queries to files: `retrieval-SPLIT.png` with a row of answers for each query, best first, and `retrieval-SPLIT.json` with
 * the queries and the captions of the answers.
 */
export async function writeRetrievalSamples(
  folder: string,
  { encoded: { split, texts, imageTexts }, texts: queries, side, picture }: RetrievalExamples,
): Promise<void> {
  const [first] = queries;
  if (first === undefined) return;
  const pictures = queries.flatMap(({ answers }) => answers.map(({ item }) => picture(item)));
  const words = queries.map(({ query, answers }) => ({
    query: texts[query],
    answers: answers.map(({ item, score, right }) => ({ caption: imageTexts[item], score, right })),
  }));
  const path = join(folder, `retrieval-${split.name}`);
  await writeFileAtomic(`${path}.png`, [await pictureGrid(pictures, side, first.answers.length)]);
  await writeFileAtomic(`${path}.json`, [`${JSON.stringify(words, null, 1)}\n`]);
}
