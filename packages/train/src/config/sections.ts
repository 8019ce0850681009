/**
 * The sections of a configuration that several tasks share. What is described here is checked, listed by `--settings` and settable by
 * `--set`.
 */

import { augmentations } from '@tessera/data/browser';
import { positionKinds } from '@tessera/models';
import { type ActivationName, activations } from '@tessera/nn';
import { precisions } from '@tessera/tensor';
import { z } from 'zod';

export const count = z.int().positive();
export const fromZero = z.int().nonnegative();
export const rate = z.number().nonnegative();
export const share = z.number().min(0).max(1);
const interval = z.tuple([z.number(), z.number()]);
const byte = z.int().min(0).max(255);
export const keysOf = <T extends object>(table: T): [keyof T & string, ...(keyof T & string)[]] =>
  Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];

const augmentationSchema = z
  .union([
    z.enum(keysOf(augmentations)),
    z.strictObject({
      crop: z.strictObject({ scale: interval, ratio: interval }).nullable().default(null),
      affine: z
        .strictObject({ degrees: rate, translate: share, scale: interval, shear: rate.default(0) })
        .nullable()
        .default(null),
      color: z
        .strictObject({ brightness: share, contrast: share, saturation: share, hue: share })
        .nullable()
        .default(null),
      flip: share.default(0),
      interpolation: z.enum(['bilinear', 'bicubic']).default('bicubic'),
      fill: z.tuple([byte, byte, byte]).default([255, 255, 255]),
    }),
  ])
  .nullable();

export const column = (what: string): z.ZodDefault<z.ZodNullable<z.ZodString>> =>
  z.string().nullable().default(null).describe(`${what}; null: found by its usual names`);

/** Where the examples come from, and what happens to them on the way. */
export const dataFields = {
  dataset: z
    .string()
    .describe('name of a data set (emoji, fashion-mnist, mnist), or a folder that build-dataset or save_to_disk wrote'),
  trainSplit: z.string().default('train').describe('split to train on'),
  strict: z
    .boolean()
    .default(false)
    .describe('stop at an image that cannot be decoded or an empty caption, instead of skipping and counting it'),
  workers: fromZero.default(1).describe('threads that decode and augment'),
  prefetch: count.default(4).describe('batches that are prepared ahead'),
  cacheMegabytes: rate.default(256).describe('decoded images that are kept from epoch to epoch'),
  augmentation: augmentationSchema
    .default(null)
    .describe(
      `what happens to training images: ${Object.keys(augmentations).join(', ')}, null for nothing, or a section with its parts`,
    ),
};

const vitSchema = z.strictObject({
  kind: z.literal('vit'),
  imageSize: count.describe('side of the square images in pixels'),
  patchSize: count.describe('side of a patch; divides imageSize'),
  width: count,
  layers: count,
  heads: count.optional().describe('default: width / 64'),
});

const resnetSchema = z.strictObject({
  kind: z.literal('resnet'),
  imageSize: count.describe('side of the square images in pixels, a multiple of 32'),
  width: count.describe('channels after the stem'),
  layers: z.tuple([count, count, count, count]).describe('blocks of the four stages'),
  heads: count.optional().describe('of the attention pool; default: width / 2'),
});

export const clipVisionSchema = z.discriminatedUnion('kind', [vitSchema, resnetSchema]);

const dropPath = share.default(0).describe('stochastic depth: chance of dropping the last block of a sample');

const plainVitSchema = z.strictObject({
  ...vitSchema.shape,
  kind: z.literal('plain-vit'),
  norm: z.enum(['pre', 'post']).default('pre').describe('whether blocks normalise before or after'),
  readout: z.enum(['cls', 'mean']).default('cls').describe('what stands for the image: class token or mean of patches'),
  positions: z.enum(keysOf(positionKinds)).default('learned').describe('how patches know where they are'),
  dropPath,
});

const swinSchema = z.strictObject({
  kind: z.literal('swin'),
  imageSize: count.describe('side of the square images in pixels'),
  patchSize: count.describe('side of a patch; divides imageSize'),
  width: count.describe('of the first stage; doubles from stage to stage'),
  layers: z.array(count).min(1).describe('blocks of each stage'),
  heads: z.array(count).optional().describe('of each stage; default: width / 32'),
  window: count.default(7).describe('side of an attention window in tokens'),
  dropPath,
});

const plainResnetSchema = z.strictObject({
  kind: z.literal('plain-resnet'),
  imageSize: z.int().min(32).describe('side of the square images in pixels, 32 at least'),
  width: count.describe('channels after the stem'),
  layers: z.tuple([count, count, count, count]).describe('blocks of the four stages'),
  block: z.enum(['basic', 'bottleneck']).default('basic').describe('two 3 x 3 convolutions, or 1 x 1, 3 x 3, 1 x 1'),
});

export const imageTowerSchema = z.discriminatedUnion('kind', [
  vitSchema,
  resnetSchema,
  plainVitSchema,
  swinSchema,
  plainResnetSchema,
]);

const activationNames = keysOf(activations) as [ActivationName, ...ActivationName[]];
export const activation = z.enum(activationNames).default('quickgelu').describe("of the transformers' MLPs");
const embedDim = count.describe('length of the features that the tower gives');

export const imageModelSection = z.strictObject({ embedDim, vision: imageTowerSchema, activation });

export const optimizerSection = z.strictObject({
  kind: z.enum(['adamw', 'sgd']).default('adamw'),
  lr: rate.default(1e-3).describe('highest learning rate'),
  weightDecay: rate
    .default(0.2)
    .describe(
      'decoupled in adamw; none for biases, norms, logit_scale and other parameters of fewer than two dimensions',
    ),
  betas: z.tuple([share, share]).default([0.9, 0.98]).describe('adamw: decay of the means of gradient and square'),
  eps: rate.default(1e-6).describe('adamw: added to the root'),
  momentum: share.default(0.9).describe('sgd'),
  nesterov: z.boolean().default(false).describe('sgd'),
});

export const scheduleSection = z.strictObject({
  kind: z.enum(['cosine', 'linear', 'constant']).default('cosine').describe('how the rate falls after the warm-up'),
  warmupSteps: fromZero.default(100).describe('steps over which the rate grows to optimizer.lr'),
  minLr: rate.default(0).describe('rate at the end'),
});

export const trainingSection = z.strictObject({
  epochs: count.default(10),
  batchSize: z.int().min(1).default(128),
  accumulate: count
    .default(1)
    .describe(
      'parts that a batch is computed in, one after the other: less memory and the same gradients, but for batch normalisation, which sees a part at a time',
    ),
  clipGradNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('largest norm of all gradients together; null: no clipping'),
  precision: z
    .enum(precisions)
    .default('f32')
    .describe('f16, bf16: mixed precision: products in two bytes, parameters and their updates in f32'),
  lossScale: z
    .number()
    .min(1)
    .default(65536)
    .describe(
      'factor on the loss that f16 starts with: halved where gradients overflow, doubled after 2000 steps without',
    ),
});

export const evaluationSection = z.strictObject({
  splits: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('splits to evaluate on; null: all but the training split'),
  everyEpochs: count
    .nullable()
    .default(null)
    .describe('also during the run, after so many epochs; null: at the end only'),
  batchSize: count.default(128),
  limit: count.nullable().default(10_000).describe('of each split at most so many examples, evenly spread; null: all'),
  pixelBaseline: z.boolean().default(true).describe('retrieval by raw-pixel nearest neighbour beside the model'),
});

export const checkpointsSection = z.strictObject({
  everySteps: count.nullable().default(null).describe('also within an epoch, after so many steps'),
  everyEpochs: count.default(1),
  keep: count.default(2).describe('how many are kept, the latest first'),
});

export const runtimeSection = z.strictObject({
  backend: z
    .string()
    .default('auto')
    .describe('auto: a GPU that is hardware, else wasm; or wasm, webgpu, gpujs[:mode], reference'),
  threads: count.nullable().default(null).describe('of the wasm backend; null: one for each core'),
  peakGflops: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("the machine's peak for the MFU; null: measured at start"),
});
