import { nearestNeighbours } from '../metrics/index.ts';
import { type ImageQuery, pixelsDataUri, type RetrievalReport, type TextQuery } from '../report/index.ts';
import { type ReadOptions, readPictures, spread } from './examples.ts';
import type { EncodedSplit, RetrievalEvaluation } from './retrieval.ts';

export interface ExampleCounts {
  /** Images that are looked up, evenly spread over the split. */
  readonly images: number;
  readonly texts: number;
  /** Answers shown for each. */
  readonly results: number;
}

/** A split's retrieval with examples as pictures, for the report. */
export async function describeRetrieval(
  encoded: EncodedSplit,
  evaluation: RetrievalEvaluation,
  read: Pick<ReadOptions, 'imageSize' | 'columns'>,
  counts: ExampleCounts = { images: 8, texts: 6, results: 5 },
): Promise<RetrievalReport> {
  const { imageFeatures, textFeatures, dims, imageConcepts, textConcepts, imageRows, imageTexts, texts } = encoded;
  const imageQueries = spread(imageRows.length, counts.images);
  const textQueries = spread(texts.length, counts.texts);
  const pick = (features: Float32Array, rows: readonly number[]): Float32Array => {
    const picked = new Float32Array(rows.length * dims);
    for (const [k, row] of rows.entries()) picked.set(features.subarray(row * dims, (row + 1) * dims), k * dims);
    return picked;
  };
  const foundTexts = nearestNeighbours(pick(imageFeatures, imageQueries), textFeatures, dims, counts.results);
  const foundImages = nearestNeighbours(pick(textFeatures, textQueries), imageFeatures, dims, counts.results);
  const shown = [...imageQueries, ...foundImages.indices];
  const pictures = await readPictures(
    encoded.split,
    shown.map((image) => imageRows[image]),
    read,
  );
  const side = read.imageSize;
  const picture = (image: number): ReturnType<typeof pixelsDataUri> =>
    pixelsDataUri(pictures.get(imageRows[image]) as Uint8Array, { height: side, width: side, channels: 3 });
  const answers = ({ indices, scores, k }: typeof foundTexts, query: number): { item: number; score: number }[] =>
    Array.from({ length: k }, (_, place) => ({ item: indices[query * k + place], score: scores[query * k + place] }));
  return {
    split: evaluation.split,
    metrics: evaluation.metrics,
    ...(evaluation.pixels === null ? {} : { pixels: evaluation.pixels }),
    imageQueries: await Promise.all(
      imageQueries.map(
        async (image, query): Promise<ImageQuery> => ({
          image: await picture(image),
          caption: imageTexts[image],
          results: answers(foundTexts, query).map(({ item, score }) => ({
            text: texts[item],
            score,
            right: textConcepts[item] === imageConcepts[image],
          })),
        }),
      ),
    ),
    textQueries: await Promise.all(
      textQueries.map(
        async (text, query): Promise<TextQuery> => ({
          text: texts[text],
          results: await Promise.all(
            answers(foundImages, query).map(async ({ item, score }) => ({
              image: await picture(item),
              caption: imageTexts[item],
              score,
              right: imageConcepts[item] === textConcepts[text],
            })),
          ),
        }),
      ),
    ),
  };
}
