/** The task `contrastive`: CLIP on images with captions (Radford et al. 2021; SigLIP: Zhai et al. 2023). */
import { loadClipTokenizer, loadTokenizer, type Split, type Tokenizer } from '@tessera/data';
import { CLIP, clipActivation } from '@tessera/models';
import { init } from '@tessera/nn';
import { tensor } from '@tessera/tensor';
import { classNamesOf, evaluateZeroShot, labelColumns } from '../../evaluation/classification/evaluate.ts';
import { promptNames } from '../../evaluation/classification/zero-shot.ts';
import { CLIPEncoder } from '../../evaluation/clip-encoder.ts';
import type { EvaluationResult } from '../../evaluation/result.ts';
import {
  conceptNumbers,
  encodeSplit,
  type PairColumns,
  pairColumns,
  readPixelMemory,
} from '../../evaluation/retrieval/encode-split.ts';
import { evaluateRetrieval } from '../../evaluation/retrieval/evaluate.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { type CheckedCaptions, checkAllCaptions, learnTokenizer, runTokenizer } from '../captions.ts';
import { findColumns, readOptions, withColumnNames } from '../reading.ts';
import {
  type AnyTaskModel,
  asTaskModel,
  defineTask,
  type EvaluationRequest,
  type TaskModel,
  type TextHalf,
  type TrainingSite,
} from '../task.ts';
import { clipConfigOf } from './clip-config.ts';
import { clipEvaluationCost } from './evaluation-cost.ts';
import { ContrastiveObjective, type PairTensors } from './objective.ts';
import { pairTensors } from './pair-tensors.ts';
import { clipPredictor } from './predictor.ts';
import { type ContrastiveConfig, contrastiveSettings } from './settings.ts';
import { readStartingModel, type StartingModel, startFrom } from './starting-model.ts';

/** @param checked what is known about the captions of the training split */
export function clipSubject(
  model: CLIP,
  tokenizer: Tokenizer,
  config: ContrastiveConfig,
  checked: CheckedCaptions = {
    longest: config.model.text.contextLength,
    complete: true,
    onTooLong: config.tokenizer.onTooLong,
  },
): TaskModel<PairColumns, PairTensors> {
  const { loss, initialize, data } = config;
  const { imageSize } = model.config.vision;
  const { contextLength } = model.config.text;
  const { longest: longestCaption, complete, onTooLong } = checked;
  const columns = withColumnNames(pairColumns, data.columns);
  const frozen = initialize.tower === 'freeze';
  const toIds = (texts: readonly string[]): Int32Array =>
    tokenizer.encodeBatch(texts, contextLength, { onTooLong: 'truncate' });
  const text: TextHalf = {
    tokenizer,
    contextLength,
    toIds,
    forward: (ids) => model.encodeText(ids),
    encode: (texts) => model.encodeText(tensor(toIds(texts), { shape: [texts.length, contextLength] })),
  };
  // Kept between evaluations, so that it is compiled only once in a run.
  let encoder: CLIPEncoder | null = null;
  return {
    model,
    objective: new ContrastiveObjective(model, {
      loss: loss.kind,
      duplicates: loss.duplicates,
      freezeImageTower: frozen,
    }),
    imageSize,
    columns: {
      ...columns,
      captions: { ...columns.captions, choice: data.captionChoice, count: data.captionsPerImage },
    },
    toTensors: (batch) => pairTensors(batch, imageSize, { tokenizer, contextLength, longestCaption, onTooLong }),
    facts: {
      Model: describeTowers(config),
      Parameters: model.parameterCount(),
      ...(frozen ? { 'Trained parameters': model.parameterCount({ trainableOnly: true }) } : {}),
      Vocabulary: tokenizer.vocabSize,
      'Longest caption': `${longestCaption} of ${contextLength} tokens${complete ? '' : ', of those that were checked'}`,
    },
    image: {
      tower: model.visual,
      head: null,
      description: { vision: model.config.vision, activation: model.config.activation ?? clipActivation },
    },
    text,
    predictor: clipPredictor(model, text),
    async evaluate(splits, request) {
      const { batchSize } = request;
      if (encoder?.batchSize !== batchSize) {
        encoder?.dispose();
        encoder = new CLIPEncoder(model, tokenizer, { batchSize, onTooLong: 'truncate' });
      }
      return evaluateCLIP(encoder, splits, request);
    },
    evaluationCost: (splits, request) => clipEvaluationCost(splits, request, model.config.embedDim),
    dispose: () => encoder?.dispose(),
  };
}

/** Retrieval where the splits have captions, and zero-shot classification where that is requested and they have class labels. */
async function evaluateCLIP(
  encoder: CLIPEncoder,
  splits: readonly Split[],
  request: EvaluationRequest,
): Promise<EvaluationResult[]> {
  const [first] = splits;
  if (first === undefined) return [];
  const { templates, baseline } = request;
  const results: EvaluationResult[] = [];
  const pairs = readOptions(request, pairColumns, encoder.imageSize);
  const labeled = readOptions(request, labelColumns, encoder.imageSize);
  const optional = {
    captions: { ...pairs.columns.captions, optional: true },
    label: { ...labeled.columns.label, optional: true },
  };
  const { captions, label } = await findColumns(first, optional);
  const classes = templates === null ? null : label;
  if (captions === null && classes === null)
    throw new Error(
      `${first.path}, split "${first.name}": contains neither captions nor class labels to evaluate (columns: ${first.columns.join(', ')}); pass a class label column with --label`,
    );
  if (captions !== null) {
    const reading = { ...pairs, concepts: conceptNumbers() };
    const memory =
      baseline === null ? null : await readPixelMemory(baseline.split, { ...reading, limit: baseline.limit });
    const pictures = { imageSize: encoder.imageSize, image: pairs.columns.image };
    for (const split of splits) {
      const encoded = await encodeSplit(encoder, split, { ...reading, withPixels: memory !== null });
      results.push(evaluateRetrieval(encoded, memory, pictures));
    }
  }
  if (templates !== null && classes !== null)
    for (const split of splits) {
      const names = promptNames(classNamesOf(split, classes), request.classNames);
      results.push(await evaluateZeroShot(encoder, split, names, templates, labeled));
    }
  return results;
}

/** Builds tokenizer and model, and checks the captions before training starts. */
async function create(
  start: StartingModel | null,
  { config, train, evaluationSplits, folder, say }: TrainingSite<ContrastiveConfig>,
): Promise<AnyTaskModel> {
  const { captions } = await findColumns(train, withColumnNames(pairColumns, config.data.columns));
  const choice = { column: captions as string, data: config.data };
  const known = start?.parts === 'all' ? start.tokenizer : null;
  const { tokenizer: settings } = config;
  const tokenizer = await runTokenizer(
    folder,
    () =>
      known ??
      (settings.kind === 'clip' ? loadClipTokenizer() : learnTokenizer(train, choice, settings.vocabularySize)),
  );
  const { contextLength } = config.model.text;
  const splits = [train, ...evaluationSplits];
  const checked = await checkAllCaptions(
    splits,
    choice,
    { tokenizer, contextLength, onTooLong: settings.onTooLong },
    say,
  );
  const model = new CLIP(clipConfigOf(config, tokenizer.vocabSize));
  if (start !== null) await startFrom(start, model, config, say);
  return asTaskModel(clipSubject(model, tokenizer, config, checked));
}

function describeTowers({ model: { vision, text } }: ContrastiveConfig): string {
  const image =
    vision.kind === 'vit'
      ? `ViT width ${vision.width}, ${vision.layers} layers, patch ${vision.patchSize}`
      : `ModifiedResNet width ${vision.width} [${vision.layers.join(', ')}]`;
  return `${image} at ${vision.imageSize} px; text width ${text.width}, ${text.layers} layers, ${text.contextLength} tokens`;
}

export const contrastive = defineTask<ContrastiveConfig>({
  ...contrastiveSettings,
  title: 'CLIP',
  description: 'CLIP or SigLIP on images with captions',
  mainMeasure: { name: 'imageToTextR1', better: 'higher' },
  fromCheckpoint: [],
  evaluationOptions: ['label', 'templates', 'classes', 'pixels'],
  async prepare(config, resumed) {
    const start = resumed ? null : await readStartingModel(config);
    return { config, create: (site) => create(start, site) };
  },
  async restore({ config, folder, checkpoint }) {
    const tokenizer = await loadTokenizer(folder.tokenizer);
    const model = init.skipInit(() => new CLIP(clipConfigOf(config, tokenizer.vocabSize)));
    loadModelState(checkpoint, model, config);
    return asTaskModel(clipSubject(model, tokenizer, config));
  },
});
