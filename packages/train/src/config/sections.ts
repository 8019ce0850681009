/**
 * The sections of a configuration that several tasks share. Every setting that is described here is checked, listed by `--settings` and
 * can be set with `--set`.
 */
import { augmentations, shuffleDefaults } from '@tessera/data/browser';
import { clipActivation } from '@tessera/models';
import { type ActivationName, activations } from '@tessera/nn';
import { z } from 'zod';
import { optimizers, schedules } from '../optim/choices.ts';
import { measureFields } from '../optim/measure-fields.ts';
import { type GroupSettings, rate, share } from '../optim/settings.ts';
import { limitTrain } from './limit.ts';
import { sourcesSetting } from './sources.ts';
import { imageTowerSection } from './tower.ts';

export { rate, share };

export const count = z.int().positive();
export const fromZero = z.int().nonnegative();
const interval = z.tuple([z.number(), z.number()]);
const byte = z.int().min(0).max(255);
const keysOf = <T extends object>(table: T): [keyof T & string, ...(keyof T & string)[]] =>
  Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];

const augmentationSchema = z
  .union([
    z.enum(keysOf(augmentations)),
    z.strictObject({
      crop: z
        .strictObject({
          scale: interval.describe('smallest and largest area, as shares of the image'),
          ratio: interval.describe('smallest and largest ratio of width to height'),
        })
        .nullable()
        .default(null)
        .describe('a random part of the image; null: the whole'),
      affine: z
        .strictObject({
          degrees: rate.describe('largest rotation, in degrees'),
          translate: share.describe('largest shift, as a share of the side'),
          scale: interval.describe('smallest and largest factor on the size'),
          shear: rate.default(0).describe('largest shear, in degrees'),
        })
        .nullable()
        .default(null)
        .describe('random rotation, shift, scaling and shear; null: none'),
      color: z
        .strictObject({
          brightness: share.describe('largest relative change of the brightness'),
          contrast: share.describe('largest relative change of the contrast'),
          saturation: share.describe('largest relative change of the saturation'),
          hue: share.describe('largest rotation of the hue, as a share of the color wheel'),
        })
        .nullable()
        .default(null)
        .describe('random changes of the colors; null: none'),
      policy: z
        .discriminatedUnion('kind', [
          z
            .strictObject({
              kind: z.literal('randaugment'),
              operations: fromZero.default(2).describe('number of operations on each image'),
              magnitude: z.number().min(0).max(30).default(9).describe('strength of the operations, 0 to 30'),
            })
            .describe('random operations of one strength (Cubuk et al. 2020)'),
          z
            .strictObject({ kind: z.literal('trivialaugment') })
            .describe('one random operation of random strength (Müller and Hutter 2021)'),
        ])
        .nullable()
        .default(null)
        .describe('automatic augmentation: randaugment or trivialaugment; null: none'),
      erase: z
        .strictObject({
          probability: share.default(0.25).describe('chance that a rectangle of the image is filled'),
          scale: interval.default([0.02, 0.33]).describe('smallest and largest area, as shares of the image'),
          ratio: interval.default([0.3, 3.3]).describe('smallest and largest ratio of height to width'),
        })
        .nullable()
        .default(null)
        .describe('random erasing (Zhong et al. 2020); null: none'),
      flip: share.default(0).describe('chance of a horizontal mirror image'),
      interpolation: z.enum(['bilinear', 'bicubic']).default('bicubic').describe('how pixels are resampled'),
      fill: z.tuple([byte, byte, byte]).default([255, 255, 255]).describe('color of the area outside of the image'),
    }),
  ])
  .nullable();

/** How rows are shuffled. */
const shuffleSection = z
  .strictObject({
    rows: count
      .default(shuffleDefaults.rows)
      .describe('rows that are mixed at a time; up to so many rows are shuffled as a whole'),
    streams: count
      .default(shuffleDefaults.streams)
      .describe('places in the files that an epoch is at, at the same time'),
    block: count.default(shuffleDefaults.block).describe('neighboring rows that stay together until they are mixed'),
    full: z
      .boolean()
      .nullable()
      .default(shuffleDefaults.full)
      .describe('whether all rows are shuffled as a whole, however many; null: where rows are read one by one'),
  })
  .describe('order of the rows of an epoch: blocks of rows in random order, of which several streams mix the next rows')
  .prefault({});

export const column = (what: string): z.ZodDefault<z.ZodNullable<z.ZodString>> =>
  z.string().nullable().default(null).describe(`${what}; null: found by its usual names`);

export const captionChoice = z
  .union([z.enum(['random', 'first']), z.strictObject({ first: share.describe('chance of the first caption') })])
  .describe("which of an image's captions an epoch takes; {first: p}: the first with chance p, else another");

export const tooLong = z
  .enum(['error', 'truncate'])
  .describe('what to do with captions of more tokens than model.text.contextLength');

/** Where the examples come from, and what happens to them on the way. */
export const dataFields = {
  dataset: z
    .string()
    .describe(
      'name of a data set (emoji, fashion-mnist, mnist); a folder that build-dataset or save_to_disk wrote; or Arrow, Parquet or tar files: a path, a pattern or an address (https://, s3://, hf://datasets/)',
    )
    .meta({ flag: 'data' }),
  sources: sourcesSetting,
  trainSplit: z.string().default('train').describe('split to train on'),
  filter: z
    .string()
    .nullable()
    .default(null)
    .describe(
      "condition on the training rows' columns, such as 'similarity > 0.28 and width >= 200' (=, !=, <, <=, >, >=, in (...), is null, and, or, not); null: all rows",
    ),
  limitTrain,
  sampling: z
    .enum(['shuffle', 'balanced'])
    .default('shuffle')
    .describe(
      'shuffle: an epoch has each row once; balanced: as many rows, drawn with replacement so that all classes are equally frequent',
    ),
  shuffle: shuffleSection,
  resample: z
    .boolean()
    .default(false)
    .describe('whether rows are drawn with replacement: an epoch can have a row several times, and others not at all'),
  epochRows: count
    .nullable()
    .default(null)
    .describe(
      'number of examples in an epoch, where the next epoch goes on with the rows that follow; null: the number of rows',
    ),
  strict: z
    .boolean()
    .default(false)
    .describe('stop at an image that cannot be decoded or an empty caption, instead of skipping and counting it')
    .meta({ flag: 'strict' }),
  checkRows: z
    .enum(['auto', 'all'])
    .default('auto')
    .describe(
      'rows whose captions and labels are checked before training; auto: of a split of more than 1,000,000 rows 100,000 evenly spread ones, unless data.strict is true; all: all',
    ),
  workers: fromZero.default(1).describe('threads that decode and augment'),
  prefetch: count.default(4).describe('batches that are prepared ahead'),
  cacheMegabytes: rate.default(256).describe('decoded images that are kept from epoch to epoch'),
  readAheadMegabytes: rate
    .default(128)
    .describe('parts of files that are read before they are needed, where whole blocks are read; 0: none'),
  augmentation: augmentationSchema
    .default(null)
    .describe(
      `what happens to training images: ${Object.keys(augmentations).join(', ')}, null for nothing, or a section with its parts`,
    ),
};

const activationNames = keysOf(activations) as [ActivationName, ...ActivationName[]];
export const activation = z
  .enum(activationNames)
  .default(clipActivation)
  .describe("activation of the transformers' MLPs");
const embedDim = count.describe('length of the image features');

/** The setting `initialize.key`. */
export const weightsKey = z
  .string()
  .nullable()
  .default(null)
  .describe(
    "the part of initialize.checkpoint to read: a key of a PyTorch checkpoint (model_ema), or the start of the tensors' names (module.encoder_q); null: the usual one",
  )
  .meta({ flag: 'weights-key' });

export const imageModelSection = z.strictObject({ embedDim, vision: imageTowerSection, activation });

/** A section that chooses one of several alternatives by `kind`; `kind` alone means the defaults of that alternative. */
function choiceSection<Section extends { readonly kind: string }>(
  choices: readonly [{ readonly schema: z.ZodObject }, ...{ readonly schema: z.ZodObject }[]],
  description: string,
): z.ZodType<Section> {
  const [first, ...others] = choices.map(({ schema }) => schema) as [z.ZodObject, ...z.ZodObject[]];
  return z.discriminatedUnion('kind', [first, ...others]).describe(description) as unknown as z.ZodType<Section>;
}

/** The chosen optimizer with the settings that all kinds have; the entry in `optimizers` knows the others. */
export interface OptimizerSettings extends GroupSettings {
  readonly kind: string;
  readonly lr: number;
}

export const optimizerSection = choiceSection<OptimizerSettings>(
  optimizers,
  'how gradients change the parameters',
).prefault({
  kind: optimizers[0].kind,
} as never);

export const scheduleSection = choiceSection<{ readonly kind: string }>(
  schedules,
  'the learning rate over the course of the run',
).prefault({ kind: schedules[0].kind });

const precisionSection = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('f32') }).describe('everything in single precision'),
    z
      .strictObject({ kind: z.literal('bf16') })
      .describe('mixed precision: products in bf16, parameters and their updates in f32'),
    z
      .strictObject({
        kind: z.literal('f16'),
        lossScale: z
          .number()
          .min(1)
          .default(65536)
          .describe('initial factor on the loss: halved when gradients overflow, doubled after 2000 steps without'),
      })
      .describe('mixed precision: products in f16, parameters and their updates in f32; the loss is scaled'),
  ])
  .describe('precision of the products')
  .prefault({ kind: 'f32' })
  .meta({ flag: 'precision' });

const earlyStoppingSection = z.strictObject({
  patience: count
    .nullable()
    .default(null)
    .describe('end the run after this number of evaluations in a row without an improvement; null: never'),
  ...measureFields,
  minDelta: rate.default(0).describe('a value must be better than the best one by more than this to be an improvement'),
});

export const trainingSection = z.strictObject({
  epochs: count.default(10).describe('how often every training example is used'),
  maxSteps: count
    .nullable()
    .default(null)
    .describe(
      'number of steps after which the run ends, also within an epoch, in place of training.epochs; null: training.epochs',
    )
    .meta({ flag: 'max-steps' }),
  batchSize: count.default(128).describe('examples in a step'),
  accumulate: count
    .default(1)
    .describe(
      'number of parts that a batch is computed in, one after the other: less memory and the same gradients, except for batch normalization, whose statistics are those of a part',
    ),
  clipGradNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('largest norm of all gradients together; null: no clipping'),
  clipGradNormType: z
    .union([z.number().positive(), z.enum(['inf'])])
    .default(2)
    .describe('order of that norm; inf: the largest absolute value'),
  clipGradValue: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('largest absolute value of each element of the gradients; null: no clipping'),
  freeze: z
    .array(z.string().min(1))
    .default([])
    .describe('patterns of parameters that are not trained, such as visual, *bias or resblocks.0'),
  precision: precisionSection,
  earlyStopping: earlyStoppingSection.prefault({}),
  histograms: z
    .strictObject({
      everySteps: count.describe('interval in steps; each takes the time of about one more step'),
    })
    .nullable()
    .default(null)
    .describe('histograms of the weights and of the gradients of each trained parameter; null: none'),
  check: z
    .boolean()
    .default(false)
    .describe(
      'check every step: stop at the first index out of range, and at the first operation that makes a NaN; several times slower',
    ),
});

export const emaSection = z.strictObject({
  decay: share
    .lt(1)
    .nullable()
    .default(null)
    .describe(
      'share of an exponential moving average of the weights that a step keeps, such as 0.999; the average is evaluated and saved as the model; null: no average',
    ),
  warmup: z
    .boolean()
    .default(false)
    .describe('whether the decay grows to its value: after n steps it is at most (1 + n) / (10 + n)'),
  useBuffers: z
    .boolean()
    .default(false)
    .describe('whether running statistics are averaged too; false: the current ones are used'),
});

export const swaSection = z.strictObject({
  startEpoch: count
    .nullable()
    .default(null)
    .describe(
      'the mean of the weights at the end of this epoch and of all later ones (stochastic weight averaging) is evaluated and saved as the model; null: no mean',
    ),
  lr: rate.nullable().default(null).describe('learning rate from that epoch on; null: that of the schedule'),
  annealEpochs: fromZero.default(10).describe('number of epochs in which the rate moves to swa.lr'),
  annealStrategy: z.enum(['cos', 'linear']).default('cos').describe('how the rate moves to swa.lr'),
});

export const evaluationSection = z.strictObject({
  splits: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('splits to evaluate on; null: all but the training split'),
  everyEpochs: z
    .union([count, z.literal('auto')])
    .nullable()
    .default('auto')
    .describe(
      'interval in epochs of evaluations during the run; auto: 1 where early stopping, the schedule or the best checkpoints follow them, else the smallest that takes at most 5 % of the time; null: only at the end',
    ),
  batchSize: count.default(128).describe('examples that are evaluated at once'),
  limit: count
    .nullable()
    .default(10_000)
    .describe('largest number of examples of each split, evenly spread; null: all'),
  pixelBaseline: z.boolean().default(true).describe('compare retrieval with the nearest neighbor in raw pixels'),
});

export const checkpointsSection = z.strictObject({
  everySteps: count.nullable().default(null).describe('interval in steps of checkpoints within an epoch; null: none'),
  everyEpochs: count.default(1).describe('interval in epochs of checkpoints'),
  keep: count.default(2).describe('number of checkpoints that are kept, the latest first'),
  best: fromZero
    .default(1)
    .describe('number of best checkpoints that are kept besides, of those that an evaluation follows; 0: none'),
  ...measureFields,
  model: z
    .enum(['last', 'best'])
    .default('last')
    .describe('weights that a complete run evaluates last and saves as model.safetensors'),
});

export const runtimeSection = z.strictObject({
  backend: z
    .string()
    .default('auto')
    .describe('auto: a GPU that is hardware, else wasm; or wasm, webgpu, gpujs[:mode], reference')
    .meta({ flag: 'backend' }),
  threads: count.nullable().default(null).describe('threads of the wasm backend; null: one for each core'),
  peakGflops: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("the machine's peak for the MFU; null: measured at start"),
});
