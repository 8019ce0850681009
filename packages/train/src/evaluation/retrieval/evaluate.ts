/** Zero-shot retrieval on one split, compared with chance and with the nearest neighbor in pixels. */
import { percent } from '../../report/format.ts';
import type { Highlight } from '../../report/section.ts';
import type { PictureOptions } from '../examples.ts';
import { type EvaluationResult, evaluationKind, percentText, type TextTable } from '../result.ts';
import { embeddingScript } from './embedding-script.ts';
import type { EncodedSplit, PixelMemory } from './encode-split.ts';
import { describeRetrieval, findRetrievalExamples, type RetrievalExamples, writeRetrievalSamples } from './examples.ts';
import { type RetrievalMetrics, retrievalMetrics } from './metrics.ts';
import { type PixelBaseline, pixelBaseline } from './pixels.ts';
import { retrievalSection } from './section.ts';

export interface RetrievalResult extends EvaluationResult {
  readonly metrics: RetrievalMetrics;
  /** What the nearest neighbor in raw pixels reaches on the same split; null where it was not requested. */
  readonly pixels: PixelBaseline | null;
  /** Queries with their best answers, for pictures; looked up once. */
  examples(): Promise<RetrievalExamples>;
}

/** Evaluates an encoded split, and the pixel baseline where there is a memory for it. */
export function evaluateRetrieval(
  encoded: EncodedSplit,
  memory: PixelMemory | null,
  pictures: PictureOptions,
): RetrievalResult {
  const { split, imageFeatures, textFeatures, dims, imageConcepts, textConcepts, skipped } = encoded;
  const concepts = { imageConcepts, textConcepts };
  const metrics = retrievalMetrics(imageFeatures, textFeatures, dims, concepts);
  const { imageToText, textToImage } = metrics;
  let examples: Promise<RetrievalExamples> | null = null;
  return {
    kind: retrieval,
    split: split.name,
    values: {
      imageToTextR1: imageToText.r1,
      imageToTextR5: imageToText.r5,
      imageToTextR10: imageToText.r10,
      textToImageR1: textToImage.r1,
      textToImageR5: textToImage.r5,
      textToImageR10: textToImage.r10,
    },
    skipped,
    metrics,
    pixels:
      memory === null || encoded.pixels === null
        ? null
        : pixelBaseline({
            trainImages: memory.images,
            trainConcepts: memory.concepts,
            images: encoded.pixels,
            ...concepts,
          }),
    examples: () => {
      examples ??= findRetrievalExamples(encoded, pictures);
      return examples;
    },
  };
}

const directions = [
  { direction: 'imageToText', text: 'image → text', title: 'Image to text R@1' },
  { direction: 'textToImage', text: 'text → image', title: 'Text to image R@1' },
] as const;

const retrieval = evaluationKind<RetrievalResult>({
  name: 'retrieval',
  table: retrievalTable,
  headline: ({ metrics }) =>
    Object.fromEntries(directions.map(({ direction, text }) => [`${text} R@1`, percentText(metrics[direction].r1, 2)])),
  summarize: ({ split, metrics, pixels, skipped }) => ({ split, metrics, pixels, skipped }),
  async section(results) {
    const reports = [];
    for (const result of results) reports.push(await describeRetrieval(result, await result.examples()));
    return { html: retrievalSection(reports), script: embeddingScript };
  },
  highlights: (results) => results.slice(0, 1).flatMap(retrievalHighlights),
  writeSamples: async (result, folder) => writeRetrievalSamples(folder, await result.examples()),
});

const retrievalHighlights = ({ split, metrics }: RetrievalResult): Highlight[] =>
  directions.map(({ direction, title }) => ({
    label: title,
    value: percent(metrics[direction].r1),
    note: `${split} · chance ${percent(metrics.chance[direction].r1)}`,
  }));

function retrievalTable(results: readonly RetrievalResult[]): TextTable {
  const withPixels = results.some(({ pixels }) => pixels !== null);
  const rows = results.flatMap(({ split, metrics, pixels }) =>
    directions.map(({ direction, text }, k) => {
      const { r1, r5, r10, queries, candidates } = metrics[direction];
      return [
        k === 0 ? split : '',
        text,
        `${queries} / ${candidates}`,
        percentText(r1),
        percentText(r5),
        percentText(r10),
        percentText(metrics.chance[direction].r1, 2),
        ...(withPixels ? [pixels === null ? '' : percentText(pixels[direction].r1)] : []),
      ];
    }),
  );
  const headings = ['split', 'direction', 'queries / candidates', 'R@1', 'R@5', 'R@10', 'chance R@1'];
  return { headings: withPixels ? [...headings, 'pixels R@1'] : headings, rows };
}
