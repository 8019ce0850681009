/** Settings of the task `navit`: classes of images of many sizes, packed into sequences. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count } from '../../config/sections.ts';
import { mixupSection } from '../../mixup/settings.ts';
import { classLossSection } from '../class-loss-settings.ts';
import { shortRun } from '../short-run.ts';

const data = dataSection(
  { image: 'column with the images', label: 'class label column' },
  {
    imageSize: count.describe('side of the square images in pixels, as they are read'),
    sizes: z
      .array(z.tuple([count, count]))
      .min(1)
      .describe('heights and widths in pixels that the images of a batch are resized to, in turn'),
  },
);

const model = z.strictObject({
  patchSize: count.describe('side of a square patch in pixels'),
  width: count.describe('numbers in a token; a multiple of heads'),
  layers: count.describe('transformer blocks'),
  heads: count.describe('attention heads of each block'),
  maxGrid: count.describe('the largest number of rows or columns of patches in an image'),
  positions: z
    .enum(['factorized', 'rotary'])
    .default('factorized')
    .describe('factorized: the sum of trained vectors of row and column; rotary: rotations in every block'),
  pool: z
    .enum(['attention', 'mean'])
    .default('attention')
    .describe("attention: a trained query attends to an image's tokens; mean: their mean"),
  maxTokens: count.default(64).describe('the largest number of patches of an image; larger images are scaled down'),
  sequenceLength: count.default(128).describe('tokens of a sequence, which several images share; maxTokens or more'),
});

const schema = taskSchema('navit', { data, model, loss: classLossSection.prefault({}), mixup: mixupSection });

export type NaViTConfig = z.infer<typeof schema>;

export const navitSettings = {
  name: 'navit',
  schema,
  presets: {
    /** Clothes in six sizes, from a few patches to many, high and wide. */
    navit: shortRun('navit', {
      data: {
        imageSize: 32,
        sizes: [
          [16, 16],
          [32, 32],
          [24, 16],
          [16, 30],
          [20, 28],
          [37, 19],
        ],
      },
      model: { patchSize: 4, width: 64, layers: 4, heads: 4, maxGrid: 12 },
      evaluation: { batchSize: 64 },
    }),
  },
} satisfies TaskSettings<NaViTConfig>;
