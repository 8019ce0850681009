/** Settings of the task `multi-label`: a classifier of images that can have several classes each. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { evaluationSection } from '../../config/sections.ts';
import { mixupSection } from '../../mixup/settings.ts';
import { classifierInitialize, classifierModel, classifierModels } from '../image-classifier.ts';

const loss = z.strictObject({
  classWeights: z
    .union([z.enum(['balanced']), z.array(z.number().positive()), z.record(z.string(), z.number().positive())])
    .nullable()
    .default(null)
    .describe(
      "factor on each class's positives; balanced: negatives per positive in the training split, from 0.01 to 100; {name: factor, ...}: 1 for the others; null: 1",
    ),
});

const evaluation = evaluationSection.extend({
  threshold: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe('probability from which on a class is predicted, for precision, recall and F1'),
});

const schema = taskSchema('multi-label', {
  data: dataSection({ image: 'column with the images', tags: 'column with a list of class labels for each image' }),
  initialize: classifierInitialize.prefault({}),
  model: classifierModel,
  loss: loss.prefault({}),
  mixup: mixupSection,
  evaluation: evaluation.prefault({}),
});

export type MultiLabelConfig = z.infer<typeof schema>;

export const multiLabelSettings = {
  name: 'multi-label',
  schema,
  presets: {
    /** The tags of emoji: which of them a drawing has. */
    'emoji-tags': {
      name: 'emoji-tags',
      data: { dataset: 'emoji', augmentation: 'drawings' },
      model: {
        embedDim: 128,
        vision: { kind: 'resnet', imageSize: 64, width: 16, layers: [1, 1, 1, 1] },
      },
      optimizer: { lr: 2e-3, weightDecay: 0.05, betas: [0.9, 0.999], eps: 1e-8 },
      training: { epochs: 20, batchSize: 64 },
    },
  },
  models: classifierModels,
} satisfies TaskSettings<MultiLabelConfig>;
