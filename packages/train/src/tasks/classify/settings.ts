/** Settings of the task `classify`: an image classifier. */
import type { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import type { Settings } from '../../config/tree.ts';
import { mixupSection } from '../../mixup/settings.ts';
import { classLossSection } from '../class-loss-settings.ts';
import { classifierInitialize, classifierModel, classifierModels } from '../image-classifier.ts';

const schema = taskSchema('classify', {
  data: dataSection({ image: 'column with the images', label: 'class label column' }),
  initialize: classifierInitialize.prefault({}),
  model: classifierModel,
  loss: classLossSection.prefault({}),
  mixup: mixupSection,
});

export type ClassifyConfig = z.infer<typeof schema>;

/** A preset: a classifier of clothes from 28 x 28 pictures, from scratch. */
const fashion = (name: string, model: Settings): Settings => ({
  name,
  data: { dataset: 'fashion-mnist', augmentation: 'flip' },
  model,
  optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
  training: { epochs: 10, batchSize: 128 },
});

export const classifySettings = {
  name: 'classify',
  schema,
  presets: {
    /** CLIP's modified ResNet. */
    'fashion-classify': fashion('fashion-classify', {
      embedDim: 128,
      vision: { kind: 'resnet', imageSize: 32, width: 16, layers: [1, 1, 1, 1] },
    }),
    /** A plain Vision Transformer. */
    'fashion-vit': fashion('fashion-vit', {
      embedDim: 64,
      vision: { kind: 'plain-vit', imageSize: 32, patchSize: 4, width: 64, layers: 6, heads: 4 },
      activation: 'gelu',
    }),
    /** A plain ResNet of basic blocks, a fourth as wide as ResNet-18. */
    'fashion-resnet': fashion('fashion-resnet', {
      embedDim: 64,
      vision: { kind: 'plain-resnet', imageSize: 64, width: 16, layers: [2, 2, 2, 2] },
    }),
    /** A Swin Transformer. */
    'fashion-swin': fashion('fashion-swin', {
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
    }),
  },
  ownData: { model: { vision: { imageSize: 64 } } },
  models: classifierModels,
} satisfies TaskSettings<ClassifyConfig>;
