/** Settings of the task `caption`: a language model that describes images. */
import { z } from 'zod';
import { captionColumns } from '../../config/caption-columns.ts';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { captionChoice, count, tooLong } from '../../config/sections.ts';
import type { Settings } from '../../config/tree.ts';
import { textSizes, vitSizes } from '../vit-settings.ts';

const tokenizer = z.strictObject({
  vocabularySize: z
    .int()
    .min(514)
    .default(1500)
    .describe('number of tokens, at least 514; the training captions may contain fewer'),
  onTooLong: tooLong.default('truncate'),
});

const reader = z
  .discriminatedUnion('kind', [
    z
      .strictObject({ kind: z.literal('prefix') })
      .describe('tokens of the image before the words, through a connector (LLaVA)'),
    z
      .strictObject({
        kind: z.literal('gated'),
        latents: count.default(8).describe('tokens that the resampler makes of an image'),
      })
      .describe('gated attention to the tokens of the image before each layer (Flamingo)'),
  ])
  .describe('how the language model sees the image');

const model = z.strictObject({
  vision: z.strictObject(vitSizes).describe('the Vision Transformer that encodes the image'),
  text: z.strictObject(textSizes).describe('the causal language model'),
  reader: reader.prefault({ kind: 'prefix' }),
});

const schema = taskSchema('caption', {
  data: dataSection(
    { image: 'column with the images', captions: 'column with a caption, or a list of captions, for each image' },
    { captions: captionColumns, captionChoice: captionChoice.default('first') },
  ),
  tokenizer: tokenizer.prefault({}),
  model,
});

export type CaptionConfig = z.infer<typeof schema>;

/** Emoji with their labels, evaluated on known concepts in unseen styles. */
const preset = (name: string, kind: CaptionConfig['model']['reader']['kind']): Settings => ({
  name,
  data: { dataset: 'emoji' },
  model: {
    vision: { imageSize: 64, patchSize: 8, width: 64, layers: 4, heads: 4 },
    text: { contextLength: 16, width: 64, layers: 3, heads: 4 },
    reader: { kind },
  },
  optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
  schedule: { warmupSteps: 0.1 },
  training: { epochs: 12, batchSize: 64, clipGradNorm: 1 },
  evaluation: { splits: ['test_style'], limit: 2000 },
});

export const captionSettings = {
  name: 'caption',
  schema,
  presets: {
    caption: preset('caption', 'prefix'),
    'caption-gated': preset('caption-gated', 'gated'),
  },
  notOffered: {
    mixup: 'a mixed image has no caption; mixup needs class labels, as the tasks classify and distill have them',
  },
} satisfies TaskSettings<CaptionConfig>;
