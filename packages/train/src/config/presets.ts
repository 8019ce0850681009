import { presets as modelPresets, type PresetName } from '@tessera/models';
import type { z } from 'zod';
import type { classifyConfig, contrastiveConfig, TaskName, vqConfig } from './schema.ts';

type ContrastiveSettings = z.input<typeof contrastiveConfig>;
type ClassifySettings = z.input<typeof classifyConfig>;
type VQSettings = z.input<typeof vqConfig>;

/** A model preset as a configuration holds it: the vocabulary's size is the tokenizer's. */
export function modelSettings(name: PresetName): ContrastiveSettings['model'] {
  const { text, ...rest } = modelPresets[name];
  const { vocabularySize: _, ...textSettings } = text;
  // A copy without the preset's readonly marks.
  return structuredClone({ ...rest, text: textSettings }) as ContrastiveSettings['model'];
}

/** Whole configurations by name. */
export const configPresets = {
  /** CLIP on emoji in seven drawing styles, tested on others: minutes on two cores. */
  'emoji-clip': {
    task: 'contrastive',
    name: 'emoji-clip',
    data: { dataset: 'emoji', augmentation: 'drawings', captionChoice: { first: 0.6 } },
    tokenizer: { kind: 'bpe', vocabularySize: 3000, onTooLong: 'truncate' },
    model: modelSettings('rn-tiny-64'),
    optimizer: { lr: 1e-3, weightDecay: 0.2, betas: [0.9, 0.98], eps: 1e-6 },
    schedule: { warmupSteps: 100 },
    training: { epochs: 28, batchSize: 128 },
  },
  /** The same with a binary decision for each pair (SigLIP) and a Vision Transformer. */
  'emoji-siglip': {
    task: 'contrastive',
    name: 'emoji-siglip',
    data: { dataset: 'emoji', augmentation: 'drawings', captionChoice: { first: 0.6 } },
    tokenizer: { kind: 'bpe', vocabularySize: 3000, onTooLong: 'truncate' },
    model: modelSettings('vit-tiny-64'),
    loss: { kind: 'siglip' },
    optimizer: { lr: 1e-3, weightDecay: 0.2, betas: [0.9, 0.98], eps: 1e-6 },
    schedule: { warmupSteps: 100 },
    training: { epochs: 28, batchSize: 128 },
  },
  /** A classifier of clothes from 28 x 28 pictures, from scratch. */
  'fashion-classify': {
    task: 'classify',
    name: 'fashion-classify',
    data: { dataset: 'fashion-mnist', augmentation: 'flip' },
    model: {
      embedDim: 128,
      vision: { kind: 'resnet', imageSize: 32, width: 16, layers: [1, 1, 1, 1] },
    },
    optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
    training: { epochs: 10, batchSize: 128 },
  },
  /** The same by a plain Vision Transformer. */
  'fashion-vit': {
    task: 'classify',
    name: 'fashion-vit',
    data: { dataset: 'fashion-mnist', augmentation: 'flip' },
    model: {
      embedDim: 64,
      vision: { kind: 'plain-vit', imageSize: 32, patchSize: 4, width: 64, layers: 6, heads: 4 },
      activation: 'gelu',
    },
    optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
    training: { epochs: 10, batchSize: 128 },
  },
  /** The same by a plain ResNet of basic blocks, a fourth as wide as ResNet-18. */
  'fashion-resnet': {
    task: 'classify',
    name: 'fashion-resnet',
    data: { dataset: 'fashion-mnist', augmentation: 'flip' },
    model: {
      embedDim: 64,
      vision: { kind: 'plain-resnet', imageSize: 64, width: 16, layers: [2, 2, 2, 2] },
    },
    optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
    training: { epochs: 10, batchSize: 128 },
  },
  /** The same by a Swin Transformer. */
  'fashion-swin': {
    task: 'classify',
    name: 'fashion-swin',
    data: { dataset: 'fashion-mnist', augmentation: 'flip' },
    model: {
      embedDim: 64,
      vision: { kind: 'swin', imageSize: 32, patchSize: 2, width: 32, layers: [2, 2, 2], heads: [2, 4, 8], window: 4 },
      activation: 'gelu',
    },
    optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
    training: { epochs: 10, batchSize: 128 },
  },
  /** Emoji as 8 x 8 tokens each, and back. */
  'emoji-vq': {
    task: 'vq',
    name: 'emoji-vq',
    data: { dataset: 'emoji', augmentation: 'flip' },
    model: { imageSize: 64, patchSize: 8, width: 64, blocks: 2, codes: 512, codeWidth: 64 },
    optimizer: { lr: 2e-3, weightDecay: 0, betas: [0.9, 0.99], eps: 1e-8 },
    schedule: { warmupSteps: 100 },
    training: { epochs: 6, batchSize: 64 },
  },
  /** So small that it trains in seconds: for trying out data and settings. */
  tiny: {
    task: 'contrastive',
    name: 'tiny',
    data: { dataset: 'emoji' },
    tokenizer: { kind: 'bpe', vocabularySize: 1000, onTooLong: 'truncate' },
    model: {
      embedDim: 16,
      vision: { kind: 'vit', imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 1 },
      text: { contextLength: 12, width: 16, layers: 1, heads: 1 },
    },
    optimizer: { lr: 2e-3 },
    schedule: { warmupSteps: 4 },
    training: { epochs: 2, batchSize: 16 },
    evaluation: { pixelBaseline: false },
  },
} as const satisfies Record<string, ContrastiveSettings | ClassifySettings | VQSettings>;

export type ConfigPresetName = keyof typeof configPresets;

/** What a task starts from where nothing else is said. */
export const defaultPresets: Readonly<Record<TaskName, ConfigPresetName>> = {
  contrastive: 'emoji-clip',
  classify: 'fashion-classify',
  vq: 'emoji-vq',
};
