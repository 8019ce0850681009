/** Settings of the task `classify`: an image classifier. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { share } from '../../config/sections.ts';
import { classifierInitialize, classifierModel, classifierModels } from '../image-classifier.ts';

const loss = z.strictObject({
  labelSmoothing: share.default(0).describe('share of the target that is spread evenly over all classes'),
});

const schema = taskSchema('classify', {
  data: dataSection({ image: 'column with the images', label: 'class label column' }),
  initialize: classifierInitialize.prefault({}),
  model: classifierModel,
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
  models: classifierModels,
} satisfies TaskSettings<ClassifyConfig>;
