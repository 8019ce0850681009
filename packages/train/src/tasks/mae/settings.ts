/** Settings of the task `mae`: a masked autoencoder. */
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count } from '../../config/sections.ts';
import { shortRun } from '../short-run.ts';
import { vitSizes } from '../vit-settings.ts';

const model = z.strictObject({
  ...vitSizes,
  decoder: z.strictObject({
    width: count.describe('numbers in a token of the decoder; a multiple of its heads'),
    layers: count.describe('transformer blocks of the decoder'),
    heads: count.describe('attention heads of each block of the decoder'),
  }),
  maskRatio: z.number().min(0).lt(1).default(0.75).describe('share of the patches that the encoder does not see'),
  normalizePixels: z
    .boolean()
    .default(true)
    .describe("predict each patch's pixels relative to their mean, in units of their standard deviation"),
});

const schema = taskSchema('mae', { data: dataSection({ image: 'column with the images' }), model });

export type MAEConfig = z.infer<typeof schema>;

export const maeSettings = {
  name: 'mae',
  schema,
  presets: {
    /** Clothes with three quarters of their patches hidden. */
    mae: shortRun('mae', {
      model: {
        ...{ imageSize: 32, patchSize: 4, width: 64, layers: 4, heads: 4 },
        decoder: { width: 32, layers: 1, heads: 4 },
      },
    }),
  },
  ownData: { model: { imageSize: 64, patchSize: 8 } },
  notOffered: { mixup: 'there are no class labels to mix; the tasks classify and distill have them' },
} satisfies TaskSettings<MAEConfig>;
