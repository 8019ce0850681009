import { z } from 'zod';
import {
  checkpointsSection,
  classifyData,
  classifyLossSection,
  contrastiveData,
  contrastiveInitializeSection,
  contrastiveLossSection,
  contrastiveModelSection,
  evaluationSection,
  imageData,
  imageModelSection,
  initializeSection,
  optimizerSection,
  runtimeSection,
  scheduleSection,
  tokenizerSection,
  trainingSection,
  vqLossSection,
  vqModelSection,
} from './sections.ts';

const commonFields = {
  name: z.string().min(1).describe("the run's name, in its report and its folder"),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0)
    .describe('of initial values, order, augmentation and dropout'),
};

const commonSections = {
  optimizer: optimizerSection.prefault({}),
  schedule: scheduleSection.prefault({}),
  training: trainingSection.prefault({}),
  evaluation: evaluationSection.prefault({}),
  checkpoints: checkpointsSection.prefault({}),
  runtime: runtimeSection.prefault({}),
};

/** Training CLIP on pairs of images and captions. */
export const contrastiveConfig = z.strictObject({
  task: z.literal('contrastive'),
  ...commonFields,
  data: contrastiveData,
  initialize: contrastiveInitializeSection.prefault({}),
  tokenizer: tokenizerSection.prefault({}),
  model: contrastiveModelSection,
  loss: contrastiveLossSection.prefault({}),
  ...commonSections,
});

/** Training a classifier on labelled images. */
export const classifyConfig = z.strictObject({
  task: z.literal('classify'),
  ...commonFields,
  data: classifyData,
  initialize: initializeSection.prefault({}),
  model: imageModelSection.nullable().describe('null: the image tower of initialize.checkpoint'),
  loss: classifyLossSection.prefault({}),
  ...commonSections,
});

/** Training a VQ tokenizer on images. */
export const vqConfig = z.strictObject({
  task: z.literal('vq'),
  ...commonFields,
  data: imageData,
  model: vqModelSection,
  loss: vqLossSection.prefault({}),
  ...commonSections,
});

export const configSchemas = { contrastive: contrastiveConfig, classify: classifyConfig, vq: vqConfig } as const;

export type TaskName = keyof typeof configSchemas;
export type ContrastiveConfig = z.infer<typeof contrastiveConfig>;
export type ClassifyConfig = z.infer<typeof classifyConfig>;
export type VQConfig = z.infer<typeof vqConfig>;
/** A run's resolved configuration: complete and checked. */
export type RunConfig = ContrastiveConfig | ClassifyConfig | VQConfig;
