import type { Split } from '@tessera/data';
import { type ImageClassifier, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { type ClassificationReport, pixelsDataUri } from '../report/index.ts';
import type { CLIPEncoder } from './clip-encoder.ts';
import { BatchEncoder, joinArrays } from './encoder.ts';
import { type ReadOptions, readExamples, readPictures, spread } from './examples.ts';
import {
  type ClassificationMetrics,
  classificationMetrics,
  fillTemplates,
  zeroShotLogits,
  zeroShotWeights,
} from './metrics/index.ts';

/** A classifier's answers on one split. */
export interface ClassificationEvaluation {
  readonly split: Split;
  readonly classNames: readonly string[];
  readonly metrics: ClassificationMetrics;
  /** [N, classes] */
  readonly logits: Float32Array;
  readonly labels: readonly number[];
  /** Row of each image in the split. */
  readonly rows: readonly number[];
  /** Rows that could not be used. */
  readonly skipped: number;
}

/** The names of a dataset's classes. @throws where the column is no class label */
export function classNamesOf(split: Split, column: string | null): readonly string[] {
  const feature = column === null ? undefined : split.features[column];
  if (feature?.type !== 'class')
    throw new Error(
      `${split.path}, split "${split.name}": classification needs a ClassLabel column; its columns are ${split.columns.join(', ')}`,
    );
  return feature.names;
}

/** Reads a split and classifies its images. `classify`: u8 [N, S, S, 3] to logits [N, classes]. */
async function classifySplit(
  split: Split,
  classNames: readonly string[],
  options: ReadOptions,
  classify: (images: Uint8Array) => Promise<Float32Array>,
): Promise<ClassificationEvaluation> {
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  const rows: number[] = [];
  const { skipped } = await readExamples(split, options, async (batch) => {
    parts.push(await classify(batch.images));
    labels.push(...batch.labels);
    rows.push(...batch.indices);
  });
  const logits = joinArrays(parts);
  const metrics = classificationMetrics(logits, labels, classNames.length);
  return { split, classNames, metrics, logits, labels, rows, skipped };
}

/** How well a trained classifier does on a split. */
export async function evaluateClassifier(
  model: ImageClassifier,
  split: Split,
  classNames: readonly string[],
  options: ReadOptions,
): Promise<ClassificationEvaluation> {
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

/** Classification without training: an image belongs to the class whose name, in the templates' words, is nearest. */
export async function evaluateZeroShot(
  encoder: CLIPEncoder,
  split: Split,
  classNames: readonly string[],
  templates: readonly string[],
  options: Omit<ReadOptions, 'imageSize'>,
): Promise<ClassificationEvaluation> {
  const { dims, imageSize } = encoder;
  const prompts = await encoder.encodeTexts(fillTemplates(classNames, templates));
  const weights = zeroShotWeights(prompts, templates.length, dims);
  return classifySplit(split, classNames, { ...options, imageSize }, async (images) =>
    zeroShotLogits(await encoder.encodeImages(images), weights, dims),
  );
}

/** An evaluation with some of its mistakes as pictures, for the report. */
export async function describeClassification(
  { split, classNames, metrics, logits, labels, rows }: ClassificationEvaluation,
  read: Pick<ReadOptions, 'imageSize' | 'columns'>,
  count = 12,
): Promise<ClassificationReport> {
  const classes = classNames.length;
  const predictions = labels.map((_, k) => argmax(logits.subarray(k * classes, (k + 1) * classes)));
  const wrong = labels.flatMap((label, k) => (predictions[k] === label ? [] : [k]));
  const shown = spread(wrong.length, count).map((k) => wrong[k]);
  const pictures = await readPictures(
    split,
    shown.map((k) => rows[k]),
    read,
  );
  const side = read.imageSize;
  return {
    split: split.name,
    classNames,
    metrics,
    mistakes: await Promise.all(
      shown.map(async (k) => ({
        image: await pixelsDataUri(pictures.get(rows[k]) as Uint8Array, { height: side, width: side, channels: 3 }),
        truth: labels[k],
        prediction: predictions[k],
        confidence: probability(logits.subarray(k * classes, (k + 1) * classes), predictions[k]),
      })),
    ),
  };
}

const argmax = (values: Float32Array): number => values.indexOf(values.reduce((a, b) => Math.max(a, b)));

/** The softmax of one of the logits. */
function probability(logits: Float32Array, index: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const exponentials = logits.map((logit) => Math.exp(logit - largest));
  return exponentials[index] / exponentials.reduce((a, b) => a + b);
}
