/** The loss of an image classifier. */
import { type ImageClassifier, preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import type { BatchTensors, ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { LabelledTensors } from '../labelled-tensors.ts';

export interface ClassifyOptions {
  readonly labelSmoothing?: number;
  /** The image tower stays as it is and the head alone is trained: a linear probe. */
  readonly freezeTower?: boolean;
}

/** Trains an image classifier. */
export class ClassifyObjective implements SeparableObjective<LabelledTensors> {
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

  lossOf({ logits }: BatchTensors, { labels }: LabelledTensors): ObjectiveLoss {
    const { labelSmoothing } = this.#options;
    const accuracy = logits.argmax(1).eq(labels).cast('f32').mean();
    return { loss: crossEntropy(logits, labels, { labelSmoothing }), measures: { accuracy } };
  }

  loss(batch: LabelledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
