import {
  type ClassificationEvaluation,
  mostConfused,
  type ReconstructionEvaluation,
  type RetrievalEvaluation,
} from '@tessera/train';
import { formatTable, percent } from './table.ts';

/** Retrieval on some splits, beside chance and raw pixels. */
export function formatRetrieval(evaluations: readonly RetrievalEvaluation[]): string {
  const withPixels = evaluations.some(({ pixels }) => pixels !== null);
  const rows = evaluations.flatMap(({ split, metrics, pixels }) =>
    (['imageToText', 'textToImage'] as const).map((direction, k) => {
      const { r1, r5, r10, queries, candidates } = metrics[direction];
      return [
        k === 0 ? split : '',
        direction === 'imageToText' ? 'image → text' : 'text → image',
        `${queries} / ${candidates}`,
        percent(r1),
        percent(r5),
        percent(r10),
        percent(metrics.chance[direction].r1, 2),
        ...(withPixels ? [pixels === null ? '' : percent(pixels[direction].r1)] : []),
      ];
    }),
  );
  const headings = ['split', 'direction', 'queries / candidates', 'R@1', 'R@5', 'R@10', 'chance R@1'];
  return formatTable(withPixels ? [...headings, 'pixels R@1'] : headings, rows);
}

/** A classifier's results on some splits, and what it mixes up most. */
export function formatClassification(evaluations: readonly ClassificationEvaluation[]): string {
  const rows = evaluations.map(({ split, metrics, classNames }) => [
    split.name,
    String(metrics.count),
    percent(metrics.top1, 2),
    percent(metrics.top5, 2),
    percent(metrics.balanced, 2),
    percent(1 / classNames.length),
  ]);
  const table = formatTable(['split', 'images', 'top-1', 'top-5', 'balanced', 'chance top-1'], rows);
  const confusions = evaluations.flatMap(({ metrics, classNames }) =>
    mostConfused(metrics.confusion, 3).map(
      ({ truth, prediction, count, share }) =>
        `  ${classNames[truth]} taken for ${classNames[prediction]}: ${count} times, ${percent(share)} of them`,
    ),
  );
  return confusions.length === 0 ? table : `${table}\nmost often mixed up:\n${confusions.join('\n')}`;
}

/** How well a tokenizer gives back the images of some splits. */
export function formatReconstruction(evaluations: readonly ReconstructionEvaluation[]): string {
  const rows = evaluations.map(({ split, metrics }) => [
    split,
    String(metrics.count),
    `${metrics.psnr.toFixed(2)} dB`,
    `${metrics.meanColourPsnr.toFixed(2)} dB`,
    `${metrics.usedCodes} of ${metrics.codes}`,
    metrics.perplexity.toFixed(0),
  ]);
  return formatTable(['split', 'images', 'PSNR', 'PSNR of mean colour', 'codes in use', 'perplexity'], rows);
}

/** What was evaluated at one place between two models. */
export interface InterpolatedEvaluation {
  readonly alpha: number;
  readonly retrieval: readonly RetrievalEvaluation[];
  readonly classification: readonly ClassificationEvaluation[];
}

/** One row for each place, one column for each split and measure. */
export function formatInterpolation(places: readonly InterpolatedEvaluation[]): string {
  const measures = ({ retrieval, classification }: InterpolatedEvaluation): [string, number][] => [
    ...retrieval.flatMap(({ split, metrics }): [string, number][] => [
      [`${split}: image → text R@1`, metrics.imageToText.r1],
      [`${split}: text → image R@1`, metrics.textToImage.r1],
    ]),
    ...classification.map(({ split, metrics }): [string, number] => [`${split.name}: top-1`, metrics.top1]),
  ];
  const headings = places.slice(0, 1).flatMap((place) => measures(place).map(([name]) => name));
  const rows = places.map((place) => [String(place.alpha), ...measures(place).map(([, value]) => percent(value, 2))]);
  return formatTable(['alpha', ...headings], rows);
}
