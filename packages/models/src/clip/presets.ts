/** CLIP models by name. */
import { clipActivation } from '../blocks/transformer.ts';
import type { CLIPConfig } from './config.ts';

/** OpenAI's text tower, which their models share. */
const openaiText = { contextLength: 77, vocabularySize: 49408, width: 512, layers: 12, heads: 8 } as const;
const tinyText = { contextLength: 16, vocabularySize: 4096, width: 128, layers: 4, heads: 2 } as const;
const smallText = { contextLength: 32, vocabularySize: 4096, width: 256, layers: 6, heads: 4 } as const;

/**
 * CLIP models by name. The small ones can be trained on one computer's CPU, with a vocabulary that is trained on the captions: set
 * `vocabularySize` to its size. The last three are OpenAI's.
 */
export const presets = {
  'vit-tiny-64': {
    embedDim: 128,
    vision: { kind: 'vit', imageSize: 64, patchSize: 8, width: 128, layers: 4, heads: 2 },
    text: tinyText,
    activation: clipActivation,
  },
  'vit-small-64': {
    embedDim: 256,
    vision: { kind: 'vit', imageSize: 64, patchSize: 8, width: 256, layers: 6, heads: 4 },
    text: smallText,
    activation: clipActivation,
  },
  'rn-tiny-64': {
    embedDim: 128,
    vision: { kind: 'resnet', imageSize: 64, width: 16, layers: [1, 1, 1, 1], heads: 8 },
    text: { ...tinyText, layers: 2 },
    activation: clipActivation,
  },
  'rn-small-64': {
    embedDim: 256,
    vision: { kind: 'resnet', imageSize: 64, width: 32, layers: [1, 1, 1, 1], heads: 16 },
    text: smallText,
    activation: clipActivation,
  },
  'ViT-B/32': {
    embedDim: 512,
    vision: { kind: 'vit', imageSize: 224, patchSize: 32, width: 768, layers: 12, heads: 12 },
    text: openaiText,
    activation: clipActivation,
  },
  'ViT-B/16': {
    embedDim: 512,
    vision: { kind: 'vit', imageSize: 224, patchSize: 16, width: 768, layers: 12, heads: 12 },
    text: openaiText,
    activation: clipActivation,
  },
  RN50: {
    embedDim: 1024,
    vision: { kind: 'resnet', imageSize: 224, width: 64, layers: [3, 4, 6, 3], heads: 32 },
    text: openaiText,
    activation: clipActivation,
  },
} as const satisfies Record<string, CLIPConfig>;

export type PresetName = keyof typeof presets;
