import {
  DataLoader,
  type Dataset,
  loadClipTokenizer,
  loadTokenizer,
  type Split,
  saveTokenizer,
  type Tokenizer,
} from '@tessera/data';
import { exists } from '@tessera/data/io';
import { CLIP } from '@tessera/models';
import { clipConfigOf } from '../config/clip.ts';
import type { ContrastiveConfig } from '../config/index.ts';
import { CLIPEncoder } from '../evaluation/clip-encoder.ts';
import {
  conceptNumbers,
  type EncodedSplit,
  encodeSplit,
  evaluateRetrieval,
  type PixelMemory,
  readPixelMemory,
} from '../evaluation/retrieval.ts';
import { describeRetrieval, findRetrievalExamples, writeRetrievalSamples } from '../evaluation/retrieval-examples.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { writeTrainingSamples } from '../run/samples.ts';
import { ContrastiveTask, type PairTensors, pairTensors } from '../tasks/contrastive.ts';
import { checkCaptions, learnTokenizer } from './captions.ts';
import { LoaderSource } from './loader-source.ts';
import type { PreparedTask, Say } from './prepared.ts';
import { readingOptions, trainingLoaderOptions } from './reading.ts';
import { type StartingModel, startFrom } from './starting-model.ts';

/**
 * Builds tokenizer, model and loaders for training CLIP, and checks the captions before any time is spent. `start`: what the model
 * starts from; null: from scratch.
 */
export async function prepareContrastive(
  config: ContrastiveConfig,
  dataset: Dataset,
  evaluationSplits: readonly Split[],
  folder: RunFolder,
  start: StartingModel | null,
  say: Say,
): Promise<PreparedTask<PairTensors>> {
  const train = dataset.split(config.data.trainSplit);
  const { imageSize } = config.model.vision;
  const loader = new DataLoader(train, trainingLoaderOptions(config, imageSize));
  const { columns } = loader;
  if (columns.captions === null) {
    await loader.close();
    throw new Error(
      `${train.path}, split "${train.name}": no column holds captions; name one with data.columns.captions (its columns are ${train.columns.join(', ')})`,
    );
  }
  const known = start?.parts === 'all' ? start.tokenizer : null;
  const tokenizer = await obtainTokenizer(config, train, columns.captions, folder, known);
  const { contextLength } = config.model.text;
  const { onTooLong } = config.tokenizer;
  let longestCaption = 0;
  for (const split of [train, ...evaluationSplits]) {
    const { count, tooLong, longest } = await checkCaptions(
      split,
      columns.captions,
      tokenizer,
      contextLength,
      onTooLong,
    );
    if (split === train) longestCaption = Math.min(longest, contextLength);
    if (tooLong > 0)
      say(
        `${split.name}: ${tooLong} of ${count} captions are cut to ${contextLength} tokens (the longest has ${longest})`,
      );
  }
  const model = new CLIP(clipConfigOf(config, tokenizer.vocabSize));
  if (start !== null) startFrom(start, model, config);
  const task = new ContrastiveTask(model, {
    loss: config.loss.kind,
    duplicates: config.loss.duplicates,
    freezeImageTower: config.initialize.tower === 'freeze',
  });
  const hasConcepts = columns.concept !== null;
  const toTensors = { tokenizer, contextLength, longestCaption, onTooLong, hasConcepts };
  const source = new LoaderSource(
    loader,
    (batch) => pairTensors(batch, imageSize, toTensors),
    (batch) => writeTrainingSamples(folder.samples, batch, imageSize),
  );

  const encoder = new CLIPEncoder(model, tokenizer, { batchSize: config.evaluation.batchSize, onTooLong });
  const reading = { ...readingOptions(config, columns), concepts: conceptNumbers(hasConcepts) };
  const encodeAll = async (withPixels: boolean): Promise<EncodedSplit[]> => {
    const encoded: EncodedSplit[] = [];
    for (const split of evaluationSplits) encoded.push(await encodeSplit(encoder, split, { ...reading, withPixels }));
    return encoded;
  };
  return {
    task,
    source,
    trainingRows: train.length,
    mainMeasure: 'imageToTextR1',
    summary: {
      Model: describeTowers(config),
      Parameters: model.parameterCount(),
      ...(config.initialize.tower === 'freeze'
        ? { 'Trained parameters': model.parameterCount({ trainableOnly: true }) }
        : {}),
      Vocabulary: tokenizer.vocabSize,
      'Longest caption': `${longestCaption} of ${contextLength} tokens`,
      'Training pairs': train.length,
    },
    async evaluate() {
      return (await encodeAll(false)).map((encoded) => {
        const { split, metrics } = evaluateRetrieval(encoded, null);
        const { imageToText, textToImage } = metrics;
        return {
          split,
          values: {
            imageToTextR1: imageToText.r1,
            imageToTextR5: imageToText.r5,
            imageToTextR10: imageToText.r10,
            textToImageR1: textToImage.r1,
            textToImageR5: textToImage.r5,
            textToImageR10: textToImage.r10,
          },
        };
      });
    },
    async finalEvaluation() {
      const { pixelBaseline: withPixels } = config.evaluation;
      const memory: PixelMemory | null =
        withPixels && evaluationSplits.length > 0 ? await readPixelMemory(train, { ...reading, imageSize }) : null;
      const encoded = await encodeAll(withPixels);
      const retrieval = encoded.map((split) => evaluateRetrieval(split, memory));
      const report = [];
      for (const [k, evaluation] of retrieval.entries()) {
        const examples = await findRetrievalExamples(encoded[k], { imageSize, columns });
        await writeRetrievalSamples(folder.samples, examples);
        report.push(await describeRetrieval(evaluation, examples));
      }
      return { retrieval, classification: [], report: { retrieval: report } };
    },
    loaderStats: () => loader.stats,
    async close() {
      encoder.dispose();
      await loader.close();
    },
  };
}

/** The run's own tokenizer where it has one already, else that of the model it starts from, else one as the configuration asks. */
async function obtainTokenizer(
  { tokenizer: { kind, vocabularySize } }: ContrastiveConfig,
  train: Split,
  column: string,
  folder: RunFolder,
  known: Tokenizer | null,
): Promise<Tokenizer> {
  if (await exists(folder.tokenizer)) return loadTokenizer(folder.tokenizer);
  const tokenizer =
    known ?? (kind === 'clip' ? await loadClipTokenizer() : await learnTokenizer(train, column, vocabularySize));
  await saveTokenizer(folder.tokenizer, tokenizer);
  return tokenizer;
}

function describeTowers({ model: { vision, text } }: ContrastiveConfig): string {
  const image =
    vision.kind === 'vit'
      ? `ViT width ${vision.width}, ${vision.layers} layers, patch ${vision.patchSize}`
      : `ModifiedResNet width ${vision.width} [${vision.layers.join(', ')}]`;
  return `${image} at ${vision.imageSize} px; text width ${text.width}, ${text.layers} layers, ${text.contextLength} tokens`;
}
