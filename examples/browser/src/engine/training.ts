/** Training of a classifier in a browser, step by step. */
import { augment, augmentations, CounterRandom, permutation, purpose } from '@tessera/data/browser';
import { createImageTower, ImageClassifier, preprocess, type VisionConfig } from '@tessera/models';
import { manualSeed, type Tensor, tensor, tidy } from '@tessera/tensor';
import {
  AdamW,
  BatchEncoder,
  ClassifyObjective,
  noDecay,
  type StepResult,
  TrainingStep,
  warmupCosine,
} from '@tessera/train/browser';
import type { ModelChoice, Prediction } from './messages.ts';
import type { Pictures } from './pictures.ts';

export const imageSize = 32;

const towers: Readonly<Record<ModelChoice, { readonly vision: VisionConfig; readonly embedDim: number }>> = {
  vit: { vision: { kind: 'vit', imageSize, patchSize: 8, width: 64, layers: 3, heads: 4 }, embedDim: 64 },
  'vit-tiny': { vision: { kind: 'vit', imageSize, patchSize: 8, width: 32, layers: 1, heads: 2 }, embedDim: 32 },
  resnet: { vision: { kind: 'resnet', imageSize, width: 16, layers: [1, 1, 1, 1], heads: 8 }, embedDim: 128 },
};

const seed = 0;
const imageBytes = imageSize * imageSize * 3;
/** The learning rate decreases over this many steps, and then stays constant. */
const scheduledSteps = 2000;

/** Small rotations and shifts. No mirroring, because mirrored digits are wrong. */
const augmentation = { affine: augmentations.flip.affine };

export interface LiveTrainingOptions {
  readonly model: ModelChoice;
  readonly classes: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** The batch size of `predict`. */
  readonly evaluatedAtOnce: number;
}

/** A model with its training state. */
export class LiveTraining {
  readonly #pictures: Pictures;
  readonly #options: LiveTrainingOptions;
  readonly #model: ImageClassifier;
  readonly #optimizer: AdamW;
  readonly #step: TrainingStep<{ images: Tensor; labels: Tensor }>;
  readonly #encoder: BatchEncoder;
  readonly #schedule: (step: number) => number;
  #done = 0;

  constructor(pictures: Pictures, options: LiveTrainingOptions) {
    manualSeed(seed);
    const { vision, embedDim } = towers[options.model];
    this.#pictures = pictures;
    this.#options = options;
    this.#model = new ImageClassifier(createImageTower(vision, embedDim), options.classes);
    this.#optimizer = new AdamW(this.#model.namedParameters(), { weightDecay: 0.05, groups: [noDecay] });
    this.#step = new TrainingStep(new ClassifyObjective(this.#model), this.#optimizer, { clipGradNorm: 1 });
    this.#encoder = new BatchEncoder(this.#model, options.evaluatedAtOnce, (images) =>
      this.#model.forward(preprocess(images)).softmax(1),
    );
    this.#schedule = warmupCosine({
      lr: options.learningRate,
      minLr: options.learningRate / 20,
      warmupSteps: 20,
      totalSteps: scheduledSteps,
    });
  }

  get parameters(): number {
    return this.#model.parameterCount();
  }

  get done(): number {
    return this.#done;
  }

  /** Runs the next step. Its images and their augmentation depend only on the number of the step. */
  async next(): Promise<StepResult> {
    const { batchSize } = this.#options;
    const { count, labels, pixels } = this.#pictures;
    const batchesPerEpoch = Math.floor(count / batchSize);
    const epoch = Math.floor(this.#done / batchesPerEpoch);
    const first = (this.#done % batchesPerEpoch) * batchSize;
    const rows = permutation(count, seed, epoch).subarray(first, first + batchSize);
    const images = new Uint8ClampedArray(batchSize * imageBytes);
    for (const [k, row] of rows.entries()) {
      const data = pixels.subarray(row * imageBytes, (row + 1) * imageBytes);
      const out = images.subarray(k * imageBytes, (k + 1) * imageBytes);
      augment(
        { data, width: imageSize, height: imageSize },
        augmentation,
        imageSize,
        new CounterRandom(seed, purpose.augment, epoch, row),
        out,
      );
    }
    const result = await tidy(() =>
      this.#step.run(
        {
          images: tensor(new Uint8Array(images.buffer), { shape: [batchSize, imageSize, imageSize, 3] }),
          labels: tensor(Int32Array.from(rows, (row) => labels[row] ?? -1)),
        },
        this.#schedule(this.#done),
      ),
    );
    if (!result.finite)
      throw new Error(`step ${this.#done + 1}: the loss is ${result.loss}; try a lower learning rate`);
    this.#done++;
    return result;
  }

  /** The most likely class of each image. */
  async predict(pixels: Uint8Array): Promise<Prediction[]> {
    const probabilities = await this.#encoder.encode(pixels, [imageSize, imageSize, 3]);
    const { classes } = this.#options;
    return Array.from({ length: probabilities.length / classes }, (_, k) => {
      const row = probabilities.subarray(k * classes, (k + 1) * classes);
      const confidence = Math.max(...row);
      return { label: row.indexOf(confidence), confidence };
    });
  }

  /** Moves model and optimizer to another backend, where the next step will run. */
  async moveTo(backend: string): Promise<void> {
    await this.#model.to(backend);
    await this.#optimizer.to(backend);
  }
}
