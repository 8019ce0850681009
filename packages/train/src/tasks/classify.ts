import type { Batch } from '@tessera/data';
import { type ImageClassifier, preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import type { BatchTensors, SeparableTask, TaskLoss } from './task.ts';

/** A batch of labelled images: u8 [B, H, W, 3], i32 [B]. */
export type LabelledTensors = { readonly images: Tensor; readonly labels: Tensor };

export interface ClassifyOptions {
  readonly labelSmoothing?: number;
  /** The image tower stays as it is and the head alone is trained: a linear probe. */
  readonly freezeTower?: boolean;
}

/** Trains an image classifier. */
export class ClassifyTask implements SeparableTask<LabelledTensors> {
  readonly model: ImageClassifier;
  readonly #options: Required<ClassifyOptions>;

  constructor(model: ImageClassifier, { labelSmoothing = 0, freezeTower = false }: ClassifyOptions = {}) {
    this.model = model;
    this.#options = { labelSmoothing, freezeTower };
    if (freezeTower) model.visual.freeze();
  }

  trainingMode(): void {
    this.model.train();
    // Otherwise batch normalisation would go on updating its statistics.
    if (this.#options.freezeTower) this.model.visual.eval();
  }

  /** logits [B, classes] */
  encode({ images }: LabelledTensors): BatchTensors {
    return { logits: this.model.forward(preprocess(images)) };
  }

  lossOf({ logits }: BatchTensors, { labels }: LabelledTensors): TaskLoss {
    const { labelSmoothing } = this.#options;
    const accuracy = logits.argmax(1).eq(labels).cast('f32').mean();
    return { loss: crossEntropy(logits, labels, { labelSmoothing }), measures: { accuracy } };
  }

  loss(batch: LabelledTensors): TaskLoss {
    return this.lossOf(this.encode(batch), batch);
  }

  constrain(): void {}
}

/** The loader's batch as tensors on the default backend. @throws where a row has no label, or one beyond the classes */
export function labelledTensors(batch: Batch, imageSize: number, classes: number): LabelledTensors {
  const { images, labels, indices, size } = batch;
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new RangeError(
      `row ${indices[wrong]} has ${labels[wrong] < 0 ? 'no label' : `label ${labels[wrong]}`}, where one of ${classes} classes is needed`,
    );
  return { images: tensor(images, { shape: [size, imageSize, imageSize, 3] }), labels: tensor(labels) };
}
