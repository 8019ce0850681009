/** Settings of the task `question`: yes or no to questions about images. */
import { type FusionKind, fusionKinds } from '@tessera/models';
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count } from '../../config/sections.ts';
import type { Settings } from '../../config/tree.ts';
import { textSizes, vitSizes } from '../vit-settings.ts';

const tokenizer = z.strictObject({
  vocabularySize: z
    .int()
    .min(514)
    .default(1500)
    .describe('number of tokens, at least 514; the questions may contain fewer'),
});

const model = z.strictObject({
  vision: z.strictObject(vitSizes).describe('the Vision Transformer that encodes the image'),
  text: z.strictObject(textSizes).describe('the transformer that encodes the question'),
  fusion: z.enum(fusionKinds).describe('how the two are joined'),
  dim: count.describe('length of the joint features'),
  heads: count.describe("attention heads of the fusion; divides dim and both encoders' widths"),
});

const schema = taskSchema('question', {
  data: dataSection(
    { image: 'column with the images', property: 'class label column that is asked about' },
    {
      question: z
        .string()
        .regex(/\{\}/, 'needs {} where the name of the class goes')
        .default('is it drawn in the style of {}?')
        .describe('the question about a class; {}: its name'),
    },
  ),
  tokenizer: tokenizer.prefault({}),
  model,
});

export type QuestionConfig = z.infer<typeof schema>;

/** Questions about the drawing style of emoji, evaluated on unseen concepts. */
const preset = (fusion: FusionKind): Settings => ({
  name: `multimodal-${fusion}`,
  data: { dataset: 'emoji' },
  model: {
    vision: { imageSize: 48, patchSize: 8, width: 64, layers: 3, heads: 4 },
    text: { contextLength: 14, width: 64, layers: 1, heads: 4 },
    ...{ fusion, dim: 64, heads: 4 },
  },
  optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
  schedule: { warmupSteps: 0.1 },
  training: { epochs: 12, batchSize: 64, clipGradNorm: 1 },
  evaluation: { splits: ['test_concept'], limit: 2000, batchSize: 64 },
});

export const questionSettings = {
  name: 'question',
  schema,
  presets: Object.fromEntries(fusionKinds.map((fusion) => [`multimodal-${fusion}`, preset(fusion)])),
  notOffered: {
    mixup: 'a mixed image has no answer; mixup needs class labels, as the tasks classify and distill have them',
  },
} satisfies TaskSettings<QuestionConfig>;
