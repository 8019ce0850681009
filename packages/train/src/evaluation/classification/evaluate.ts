/** Classification on one split: by a trained classifier, or zero-shot by a CLIP model. */
import { type ColumnRequest, type Split, usualColumns } from '@tessera/data';
import { type ImageClassifier, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { percent } from '../../report/format.ts';
import { pixelsDataUri } from '../../report/pictures.ts';
import type { CLIPEncoder } from '../clip-encoder.ts';
import { elementAt } from '../element-at.ts';
import { BatchEncoder, joinArrays } from '../encoder.ts';
import { pictureOf, type ReadOptions, readExamples, readPictures, spread } from '../examples.ts';
import { softmax } from '../probabilities.ts';
import { type EvaluationResult, evaluationKind, percentText, type TextTable } from '../result.ts';
import { rowAt } from '../retrieval/products.ts';
import { classNotes } from './classes-card.ts';
import { type ClassificationMetrics, classificationMetrics, mostConfused } from './metrics.ts';
import { type ClassificationReport, classificationSection } from './section.ts';
import { fillTemplates, zeroShotLogits, zeroShotWeights } from './zero-shot.ts';

/** The columns that classification reads. */
export type LabelColumns = { readonly image: ColumnRequest<'image'>; readonly label: ColumnRequest<'class'> };

export const labelColumns: LabelColumns = { image: usualColumns.image, label: usualColumns.label };

/** Labels as numbers of the model's classes, whatever their order in the data set. A class that the model does not know is an error. */
export const withClasses = (columns: LabelColumns, classes: readonly string[]): LabelColumns => ({
  ...columns,
  label: { ...columns.label, classes },
});

/** A classifier's predictions on one split. */
export interface ClassificationResult extends EvaluationResult {
  readonly classNames: readonly string[];
  readonly metrics: ClassificationMetrics;
  /** [N, classes] */
  readonly logits: Float32Array;
  readonly labels: readonly number[];
  /** The result with some misclassified images, for the report. */
  report(): Promise<ClassificationReport>;
}

/** The names of a data set's classes. @throws where the column is not a class label */
export function classNamesOf(split: Split, column: string | null): readonly string[] {
  const feature = column === null ? undefined : split.features[column];
  const names = feature?.type === 'list' ? feature.feature : feature;
  if (names?.type !== 'class')
    throw new Error(
      `${split.path}, split "${split.name}": classification needs a ClassLabel column; its columns are ${split.columns.join(', ')}`,
    );
  return names.names;
}

/** Reads a split and classifies its images. `classify`: u8 [N, S, S, 3] to logits [N, classes]. */
async function classifySplit(
  split: Split,
  classNames: readonly string[],
  options: ReadOptions<LabelColumns>,
  classify: (images: Uint8Array) => Promise<Float32Array>,
): Promise<ClassificationResult> {
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  const rows: number[] = [];
  const { skipped } = await readExamples(split, options, async ({ columns, indices }) => {
    parts.push(await classify(columns.image));
    labels.push(...columns.label);
    rows.push(...indices);
  });
  const logits = joinArrays(parts);
  const metrics = classificationMetrics(logits, labels, classNames.length);
  const { top1, top5, balanced, macro, weighted } = metrics;
  const answers = { split, classNames, metrics, logits, labels, rows };
  return {
    kind: classification,
    split: split.name,
    values: { top1, top5, balancedAccuracy: balanced, f1Macro: macro.f1, f1Weighted: weighted.f1 },
    skipped,
    classNames,
    metrics,
    logits,
    labels,
    report: () => describeMistakes(answers, options),
  };
}

/** Evaluates a trained classifier on a split. */
export async function evaluateClassifier(
  model: ImageClassifier,
  split: Split,
  classNames: readonly string[],
  options: ReadOptions<LabelColumns>,
): Promise<ClassificationResult> {
  const { imageSize } = options;
  const encoder = new BatchEncoder(model, options.batchSize, (images: Tensor) => model.forward(preprocess(images)));
  try {
    return await classifySplit(split, classNames, options, (images) =>
      encoder.encode(images, [imageSize, imageSize, 3]),
    );
  } finally {
    encoder.dispose();
  }
}

/** Classification without training: an image belongs to the class whose name, inserted into the templates, is nearest. */
export async function evaluateZeroShot(
  encoder: CLIPEncoder,
  split: Split,
  classNames: readonly string[],
  templates: readonly string[],
  options: Omit<ReadOptions<LabelColumns>, 'imageSize'>,
): Promise<ClassificationResult> {
  const { dims, imageSize } = encoder;
  const prompts = await encoder.encodeTexts(fillTemplates(classNames, templates));
  const weights = zeroShotWeights(prompts, templates.length, dims);
  return classifySplit(split, classNames, { ...options, imageSize }, async (images) =>
    zeroShotLogits(await encoder.encodeImages(images), weights, dims),
  );
}

const classification = evaluationKind<ClassificationResult>({
  name: 'classification',
  table: classificationTable,
  headline: ({ metrics }) => ({ 'top-1': percentText(metrics.top1, 2) }),
  summarize: ({ split, classNames, metrics, skipped }) => ({ split, classNames, metrics, skipped }),
  async section(results) {
    const reports = [];
    for (const result of results) reports.push(await result.report());
    return { html: classificationSection(reports) };
  },
  highlights: (results) =>
    results.slice(0, 2).map(({ split, metrics, classNames }) => ({
      label: 'Top-1 accuracy',
      value: percent(metrics.top1),
      note: `${split} · chance ${percent(1 / classNames.length)}`,
    })),
});

/** Accuracy on each split, the most frequent confusions, and the classes that are found best and worst. */
function classificationTable(results: readonly ClassificationResult[]): TextTable {
  const rows = results.map(({ split, metrics, classNames }) => [
    split,
    String(metrics.count),
    percentText(metrics.top1, 2),
    percentText(metrics.top5, 2),
    percentText(metrics.balanced, 2),
    percentText(metrics.macro.f1, 2),
    percentText(1 / classNames.length),
  ]);
  const confusions = results.flatMap(({ metrics, classNames }) =>
    mostConfused(metrics.confusion, 3).map(
      ({ truth, prediction, count, share }) =>
        `  ${classNames[truth]} -> ${classNames[prediction]}: ${count} images, ${percentText(share)} of the class`,
    ),
  );
  const classes = results.flatMap(({ split, classNames, metrics }) =>
    classNotes('F1', split, { classNames, scores: metrics, column: null }),
  );
  return {
    headings: ['split', 'images', 'top-1', 'top-5', 'balanced', 'macro F1', 'chance top-1'],
    rows,
    notes: [...(confusions.length === 0 ? [] : ['Most frequent confusions:', ...confusions]), ...classes],
  };
}

interface Answers {
  readonly split: Split;
  readonly classNames: readonly string[];
  readonly metrics: ClassificationMetrics;
  readonly logits: Float32Array;
  readonly labels: readonly number[];
  /** Row of each image in the split. */
  readonly rows: readonly number[];
}

/** A result with some misclassified images, for the report. */
async function describeMistakes(
  { split, classNames, metrics, logits, labels, rows }: Answers,
  { imageSize, columns }: ReadOptions<LabelColumns>,
  count = 12,
): Promise<ClassificationReport> {
  const classes = classNames.length;
  const answers = labels.map((truth, k) => {
    const own = rowAt(logits, k, classes);
    return { truth, row: elementAt(rows, k), own, prediction: argmax(own) };
  });
  const wrong = answers.filter(({ truth, prediction }) => prediction !== truth);
  const shown = spread(wrong.length, count).map((k) => elementAt(wrong, k));
  const pictures = await readPictures(
    split,
    shown.map(({ row }) => row),
    { imageSize, image: columns.image },
  );
  return {
    split: split.name,
    classNames,
    metrics,
    mistakes: await Promise.all(
      shown.map(async ({ row, truth, prediction, own }) => ({
        image: await pixelsDataUri(pictureOf(pictures, row), { height: imageSize, width: imageSize, channels: 3 }),
        truth,
        prediction,
        confidence: elementAt(softmax(own), prediction),
      })),
    ),
  };
}

const argmax = (values: Float32Array): number => values.indexOf(values.reduce((a, b) => Math.max(a, b)));
