/** Settings of the task `contrastive`: CLIP on images with captions. */
import { presets as modelPresets, type PresetName } from '@tessera/models';
import { duplicateRules } from '@tessera/nn';
import { z } from 'zod';
import { captionColumns } from '../../config/caption-columns.ts';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { activation, captionChoice, count, tooLong, weightsKey } from '../../config/sections.ts';
import { clipTowerSection } from '../../config/tower.ts';

const data = dataSection(
  {
    image: 'column with the images',
    captions: 'column with a caption, or a list of captions, for each image',
    concept: 'integer column: pairs with equal values have the same concept',
  },
  {
    captions: captionColumns,
    captionChoice: captionChoice.default('random'),
    captionsPerImage: count
      .default(1)
      .describe('number of captions of an image that are used in an epoch; all of them are positives of the image'),
  },
);

const onTooLong = tooLong.default('error');

const tokenizer = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('bpe'),
        vocabularySize: z
          .int()
          .min(514)
          .default(3000)
          .describe('number of tokens, at least 514; the captions may contain fewer'),
        onTooLong,
      })
      .describe('byte pair encoding, trained on the captions'),
    z.strictObject({ kind: z.literal('clip'), onTooLong }).describe("OpenAI's tokenizer of 49408 tokens"),
  ])
  .describe('how captions become tokens')
  .prefault({ kind: 'bpe' });

const model = z.strictObject({
  embedDim: count.describe('length of the features of images and texts'),
  vision: clipTowerSection,
  text: z.strictObject({
    contextLength: z.int().min(3).describe('tokens of a caption, start and end included'),
    width: count.describe('numbers in a token of the text tower'),
    layers: count.describe('transformer blocks of the text tower'),
    heads: count.optional().describe('attention heads of each block; default: width / 64'),
  }),
  activation,
});

const duplicates = z
  .enum(duplicateRules)
  .default('mask')
  .describe(
    'pairs with equal concepts in a batch: keep: negatives of each other; mask: not counted; share: positives of each other',
  );

const loss = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('clip'),
        duplicates,
        initialLogitScale: z
          .number()
          .nullable()
          .default(null)
          .describe('initial logarithm of the inverse temperature; null: ln(1 / 0.07)'),
        initialLogitBias: z.number().nullable().default(null).describe('initial bias on the logits; null: no bias'),
      })
      .describe('softmax over the batch (Radford et al. 2021)'),
    z
      .strictObject({
        kind: z.literal('siglip'),
        duplicates,
        initialLogitScale: z
          .number()
          .nullable()
          .default(null)
          .describe('initial logarithm of the inverse temperature; null: ln 10'),
        initialLogitBias: z.number().nullable().default(null).describe('initial bias on the logits; null: -10'),
      })
      .describe('a binary decision for each pair (Zhai et al. 2023)'),
  ])
  .describe('how pairs are compared')
  .prefault({ kind: 'clip' });

const initialize = z.strictObject({
  checkpoint: z
    .string()
    .nullable()
    .default(null)
    .describe('a run, checkpoint or file of weights that the model starts from; null: from scratch'),
  key: weightsKey,
  parts: z
    .enum(['image', 'all'])
    .default('image')
    .describe("image: only the image tower; all: the whole model, with the run's tokenizer (fine-tuning)"),
  tower: z
    .enum(['train', 'freeze'])
    .default('train')
    .describe('train: both towers; freeze: only the text tower (locked-image tuning)'),
});

const schema = taskSchema('contrastive', {
  data,
  initialize: initialize.prefault({}),
  tokenizer,
  model,
  loss,
});

export type ContrastiveConfig = z.infer<typeof schema>;

/** A model preset as a section of a configuration, without the size of the vocabulary, which is the tokenizer's. */
function modelSettings(name: PresetName): z.input<typeof model> {
  const { text, ...rest } = modelPresets[name];
  const { vocabularySize: _, ...textSettings } = text;
  // A copy, because presets are readonly.
  return structuredClone({ ...rest, text: textSettings }) as z.input<typeof model>;
}

export const contrastiveSettings = {
  name: 'contrastive',
  schema,
  presets: {
    /** CLIP on emoji in seven drawing styles, evaluated on held-out styles: takes minutes on two cores. */
    'emoji-clip': {
      name: 'emoji-clip',
      data: { dataset: 'emoji', augmentation: 'drawings', captionChoice: { first: 0.6 } },
      tokenizer: { kind: 'bpe', vocabularySize: 3000, onTooLong: 'truncate' },
      model: modelSettings('rn-tiny-64'),
      optimizer: { lr: 1e-3, weightDecay: 0.2, betas: [0.9, 0.98], eps: 1e-6 },
      training: { epochs: 28, batchSize: 128 },
    },
    /** The same with a binary decision for each pair (SigLIP) and a Vision Transformer. */
    'emoji-siglip': {
      name: 'emoji-siglip',
      data: { dataset: 'emoji', augmentation: 'drawings', captionChoice: { first: 0.6 } },
      tokenizer: { kind: 'bpe', vocabularySize: 3000, onTooLong: 'truncate' },
      model: modelSettings('vit-tiny-64'),
      loss: { kind: 'siglip' },
      optimizer: { lr: 1e-3, weightDecay: 0.2, betas: [0.9, 0.98], eps: 1e-6 },
      training: { epochs: 28, batchSize: 128 },
    },
    /** A model that trains in seconds, for trying out data and settings. */
    tiny: {
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
  },
  models: Object.fromEntries(Object.keys(modelPresets).map((name) => [name, modelSettings(name as PresetName)])),
  notOffered: {
    mixup: 'a mixed image has no caption; mixup needs class labels, as the tasks classify and distill have them',
  },
} satisfies TaskSettings<ContrastiveConfig>;
