/** Settings of the task `classify`: an image classifier. */
import { presets as modelPresets } from '@tessera/models';
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { imageModelSection, share } from '../../config/sections.ts';

const loss = z.strictObject({
  labelSmoothing: share.default(0).describe('share of the target that is spread evenly over all classes'),
});

const initialize = z.strictObject({
  checkpoint: z
    .string()
    .nullable()
    .default(null)
    .describe('a CLIP run or checkpoint whose image tower the classifier starts from; null: from scratch'),
  tower: z
    .enum(['train', 'freeze'])
    .default('train')
    .describe('train: the whole model; freeze: the linear head alone (linear probe)'),
});

const schema = taskSchema('classify', {
  data: dataSection({ image: 'column with the images', label: 'class label column' }),
  initialize: initialize.prefault({}),
  model: imageModelSection.nullable().describe('null: the image tower of initialize.checkpoint'),
  loss: loss.prefault({}),
});

export type ClassifyConfig = z.infer<typeof schema>;

export const classifySettings = {
  name: 'classify',
  schema,
  presets: {
    /** A classifier of clothes from 28 x 28 pictures, from scratch. */
    'fashion-classify': {
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
      name: 'fashion-swin',
      data: { dataset: 'fashion-mnist', augmentation: 'flip' },
      model: {
        embedDim: 64,
        vision: {
          kind: 'swin',
          imageSize: 32,
          patchSize: 2,
          width: 32,
          layers: [2, 2, 2],
          heads: [2, 4, 8],
          window: 4,
        },
        activation: 'gelu',
      },
      optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
      training: { epochs: 10, batchSize: 128 },
    },
  },
  models: Object.fromEntries(
    Object.entries(modelPresets).map(([name, { text: _, ...image }]) => [name, structuredClone(image)]),
  ),
} satisfies TaskSettings<ClassifyConfig>;
