/** Multi-label classification on one split, as a kind of result. */
import { type ColumnRequest, type Split, usualColumns } from '@tessera/data';
import { type ImageClassifier, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { classNotes } from '../../evaluation/classification/classes-card.ts';
import { classNamesOf } from '../../evaluation/classification/evaluate.ts';
import { BatchEncoder, joinArrays } from '../../evaluation/encoder.ts';
import { type ReadOptions, readExamples, spread } from '../../evaluation/examples.ts';
import { type Example, examplesCard, writeExamples } from '../../evaluation/measures/examples.ts';
import { sigmoid } from '../../evaluation/probabilities.ts';
import { type EvaluationResult, evaluationKind, percentText, type TextTable } from '../../evaluation/result.ts';
import { percent } from '../../report/format.ts';
import { findColumns } from '../reading.ts';
import { type MultiLabelMetrics, multiLabelMetrics } from './metrics.ts';
import { multiLabelSection, tagScores } from './section.ts';

/** The columns that multi-label classification reads. */
export type TagColumns = { readonly image: ColumnRequest<'image'>; readonly tags: ColumnRequest<'classes'> };

export const tagColumns: TagColumns = { image: usualColumns.image, tags: usualColumns.tags };

/** The probabilities that a model assigns to the classes of a split. */
export interface MultiLabelResult extends EvaluationResult {
  /** The classes that the split has, in the order of its own. */
  readonly classNames: readonly string[];
  readonly metrics: MultiLabelMetrics;
  readonly examples: readonly Example[];
}

/**
 * The model's class for each class of a data set, which are found by their names: the data set may have them in another order, or lack some.
 *
 * @throws where the data set has a class that the model does not know
 */
export function classesByName(model: readonly string[], data: readonly string[], title: string): number[] {
  const places = new Map(model.map((name, place) => [name, place]));
  const unknown = data.filter((name) => !places.has(name));
  if (unknown.length > 0)
    throw new Error(
      `${title}: the model has no class ${unknown.map((name) => JSON.stringify(name)).join(', ')}; its classes are ${model.join(', ')}`,
    );
  return data.map((name) => places.get(name) as number);
}

/** How well a classifier finds the classes of a split's images. `shown`: the number of images that become pictures, evenly spread. */
export async function evaluateMultiLabel(
  model: ImageClassifier,
  split: Split,
  { classNames, threshold }: { readonly classNames: readonly string[]; readonly threshold: number },
  options: ReadOptions<TagColumns>,
  shown = 24,
): Promise<MultiLabelResult> {
  const { imageSize, batchSize } = options;
  const { tags } = await findColumns(split, options.columns);
  const names = classNamesOf(split, tags);
  const title = `${split.path}, split "${split.name}", column ${tags}`;
  const places = classesByName(classNames, names, title);
  const encoder = new BatchEncoder(model, batchSize, (images: Tensor) => model.forward(preprocess(images)));
  const logits: Float32Array[] = [];
  const truths: (readonly number[])[] = [];
  const pictures: { readonly row: number; readonly pixels: Uint8Array }[] = [];
  const chosen = new Set(spread(Math.min(split.length, options.limit ?? split.length), shown));
  const bytes = imageSize * imageSize * 3;
  try {
    const { skipped } = await readExamples(split, options, async ({ columns, size }) => {
      for (let k = 0; k < size; k++)
        if (chosen.has(truths.length + k))
          pictures.push({ row: truths.length + k, pixels: columns.image.slice(k * bytes, (k + 1) * bytes) });
      truths.push(...columns.tags);
      logits.push(await encoder.encode(columns.image, [imageSize, imageSize, 3]));
    });
    const all = joinArrays(logits);
    const probabilities = Float64Array.from({ length: truths.length * names.length }, (_, k) => {
      const [row, c] = [Math.floor(k / names.length), k % names.length];
      return sigmoid(all[row * classNames.length + (places[c] ?? 0)] ?? Number.NaN);
    });
    const metrics = multiLabelMetrics(probabilities, truths, names.length, threshold);
    const examples = pictures.map(({ row, pixels }): Example => {
      const own = probabilities.subarray(row * names.length, (row + 1) * names.length);
      return { pixels, height: imageSize, width: imageSize, ...describe(own, truths[row] ?? [], names, threshold) };
    });
    const { meanAveragePrecision, micro, macro, weighted } = metrics;
    return {
      kind: multiLabel,
      split: split.name,
      values: {
        meanAveragePrecision,
        ...Object.fromEntries(Object.entries(micro).map(([name, value]) => [`${name}Micro`, value])),
        f1Weighted: weighted.f1,
        ...Object.fromEntries(Object.entries(macro).map(([name, value]) => [`${name}Macro`, value])),
      },
      skipped,
      classNames: names,
      metrics,
      examples,
    };
  } finally {
    encoder.dispose();
  }
}

/** An image's classes and those that were predicted, the most probable first, in words. */
function describe(
  probabilities: Float64Array,
  truth: readonly number[],
  names: readonly string[],
  threshold: number,
): Pick<Example, 'lines' | 'right'> {
  const predicted = Array.from(probabilities, (probability, c) => ({ c, probability }))
    .filter(({ probability }) => probability >= threshold)
    .sort((a, b) => b.probability - a.probability);
  const list = (words: readonly string[]): string => (words.length > 0 ? words.join(', ') : 'none');
  return {
    lines: [
      `true: ${list(truth.map((c) => names[c] ?? String(c)))}`,
      `predicted: ${list(predicted.map(({ c, probability }) => `${names[c]} ${percent(probability)}`))}`,
    ],
    right: predicted.length === truth.length && predicted.every(({ c }) => truth.includes(c)),
  };
}

const multiLabel = evaluationKind<MultiLabelResult>({
  name: 'multiLabel',
  table: multiLabelTable,
  headline: ({ metrics: { meanAveragePrecision: mAP, micro } }) => ({
    mAP: shareText(mAP),
    'micro F1': shareText(micro.f1),
  }),
  summarize: ({ split, classNames, metrics, skipped }) => ({ split, classNames, metrics, skipped }),
  async section(results) {
    const reports = [];
    for (const { split, classNames, metrics, examples } of results)
      reports.push({
        split,
        classNames,
        metrics,
        examples: await examplesCard('Images with their classes, and those that the model predicts.', examples),
      });
    return { html: multiLabelSection(reports) };
  },
  highlights: (results) =>
    results.slice(0, 2).map(({ split, metrics: { meanAveragePrecision: mAP, chance } }) => ({
      label: 'Mean average precision',
      value: percent(mAP ?? 0),
      note: `${split} · chance ${percent(chance ?? 0)}`,
    })),
  writeSamples: ({ split, examples }, folder) => writeExamples(split, examples, folder),
});

const shareText = (value: number | null): string => (value === null ? '-' : percentText(value, 2));

/** The numbers of each split, and the classes that are found best and worst. */
function multiLabelTable(results: readonly MultiLabelResult[]): TextTable {
  const rows = results.map(({ split, metrics }) => [
    split,
    String(metrics.count),
    ...[metrics.meanAveragePrecision, metrics.chance, metrics.micro.f1, metrics.macro.f1].map(shareText),
  ]);
  const notes = results.flatMap((result) => classNotes('Average precision', result.split, tagScores(result)));
  return { headings: ['split', 'images', 'mAP', 'chance mAP', 'micro F1', 'macro F1'], rows, notes };
}
