/** Settings of the task `vq`: a tokenizer of images. */
import type { VQTokenizerConfig } from '@tessera/models';
import { z } from 'zod';
import { dataSection, type TaskSettings, taskSchema } from '../../config/schema.ts';
import { count, fromZero, rate } from '../../config/sections.ts';

/** The members of `VQTokenizerConfig`, which says what they mean. */
const members = {
  imageSize: count.describe('side of the square images in pixels'),
  patchSize: z.int().min(2).describe('side of the square of pixels that a token represents: a power of two'),
  width: count.describe('channels of encoder and decoder'),
  blocks: fromZero.describe('residual units of encoder and decoder each'),
  codes: z.int().min(2).describe('number of codes'),
  codeWidth: count.describe('length of a code'),
  decay: z.number().min(0).lt(1).default(0.99).describe('decay of the running means that the codes follow'),
  restartBelow: rate
    .default(1)
    .describe('a code that represents fewer vectors of a batch than this starts again at one of them; 0: never'),
} satisfies Record<keyof VQTokenizerConfig, z.ZodType<number>>;

const model = z.strictObject(members);

const loss = z.strictObject({
  commitment: rate.default(0.25).describe('factor on the distance between the output of the encoder and its code'),
});

const schema = taskSchema('vq', {
  data: dataSection({ image: 'column with the images' }),
  model,
  loss: loss.prefault({}),
});

export type VQConfig = z.infer<typeof schema>;

export const vqSettings = {
  name: 'vq',
  schema,
  presets: {
    /** A tokenizer of emoji: 8 x 8 tokens for each picture. */
    'emoji-vq': {
      name: 'emoji-vq',
      data: { dataset: 'emoji', augmentation: 'flip' },
      model: { imageSize: 64, patchSize: 8, width: 64, blocks: 2, codes: 512, codeWidth: 64 },
      optimizer: { lr: 2e-3, weightDecay: 0, betas: [0.9, 0.99], eps: 1e-8 },
      training: { epochs: 6, batchSize: 64 },
    },
  },
  notOffered: { mixup: 'there are no class labels to mix; the tasks classify and distill have them' },
} satisfies TaskSettings<VQConfig>;
