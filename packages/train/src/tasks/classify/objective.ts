/** The loss of an image classifier. */
import type { ImageClassifier } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import type { ObjectiveLoss } from '../../loop/objective.ts';
import { ImageClassifierObjective, type Logits } from '../image-classifier-objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';

export interface ClassifyOptions {
  readonly labelSmoothing?: number;
  /** Whether the image tower is frozen and only the head is trained: a linear probe. */
  readonly freezeTower?: boolean;
}

/** Trains an image classifier. */
export class ClassifyObjective extends ImageClassifierObjective<LabeledTensors, ImageClassifier> {
  readonly #labelSmoothing: number;

  constructor(model: ImageClassifier, { labelSmoothing = 0, freezeTower = false }: ClassifyOptions = {}) {
    super(model, freezeTower);
    this.#labelSmoothing = labelSmoothing;
  }

  lossOf({ logits }: Logits, { labels }: LabeledTensors): ObjectiveLoss {
    const accuracy = logits.argmax(1).eq(labels).cast('f32').mean();
    return {
      loss: crossEntropy(logits, labels, { labelSmoothing: this.#labelSmoothing, ignoreIndex: null }),
      measures: { accuracy },
    };
  }
}
