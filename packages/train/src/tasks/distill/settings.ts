/** Settings of the task `distill`: a Vision Transformer that learns from labels and from a teacher. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count, imageModelSection, share } from '../../config/sections.ts';
import { mixupSection } from '../../mixup/settings.ts';
import { classLossFields } from '../class-loss-settings.ts';
import { shortRun } from '../short-run.ts';
import { vitDropPath, vitSizes } from '../vit-settings.ts';

const model = z.strictObject({ ...vitSizes, dropPath: vitDropPath });

const teacher = z.strictObject({
  checkpoint: z
    .string()
    .nullable()
    .default(null)
    .describe("a classifier's run or checkpoint that teaches; null: teacher.model is trained first"),
  model: imageModelSection
    .nullable()
    .default(null)
    .describe("the classifier that is trained first, in the folder teacher of the run, with this run's settings"),
  epochs: count.nullable().default(null).describe('epochs of the teacher; null: as many as training.epochs'),
});

const commonLoss = {
  alpha: share.default(0.5).describe("the teacher's share in the loss"),
  ...classLossFields,
};

const loss = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hard'), ...commonLoss }).describe("the teacher's decision is one more label"),
  z
    .strictObject({
      kind: z.literal('soft'),
      ...commonLoss,
      temperature: z.number().positive().default(3).describe('temperature of both distributions'),
    })
    .describe("the teacher's whole distribution, at a temperature"),
]);

const schema = taskSchema('distill', {
  data: dataSection({ image: 'column with the images', label: 'class label column' }),
  model,
  teacher,
  loss: loss.describe('what the student learns from the teacher').prefault({ kind: 'hard' }),
  mixup: mixupSection,
});

export type DistillConfig = z.infer<typeof schema>;

export const distillSettings = {
  name: 'distill',
  schema,
  presets: {
    /** DeiT on clothes, taught by a small ResNet. */
    deit: shortRun('deit', {
      model: { imageSize: 64, patchSize: 8, width: 64, layers: 4, heads: 4 },
      teacher: {
        model: {
          embedDim: 128,
          vision: { kind: 'plain-resnet', imageSize: 64, width: 16, layers: [1, 1, 1, 1], block: 'basic' },
        },
      },
    }),
  },
} satisfies TaskSettings<DistillConfig>;
