/** The loss of an image classifier. */
import type { ImageClassifier } from '@tessera/models';
import type { ObjectiveLoss } from '../../loop/objective.ts';
import { type ClassLossOptions, classAccuracy, classLoss } from '../class-loss.ts';
import { ImageClassifierObjective, type Logits } from '../image-classifier-objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';

export interface ClassifyOptions extends ClassLossOptions {
  /** Whether the image tower is frozen and only the head is trained: a linear probe. */
  readonly freezeTower?: boolean;
}

/** Trains an image classifier. */
export class ClassifyObjective extends ImageClassifierObjective<LabeledTensors, ImageClassifier> {
  readonly #loss: ClassLossOptions;

  constructor(model: ImageClassifier, { freezeTower = false, ...loss }: ClassifyOptions = {}) {
    super(model, freezeTower);
    this.#loss = loss;
  }

  lossOf({ logits }: Logits, { labels }: LabeledTensors): ObjectiveLoss {
    return { loss: classLoss(logits, labels, this.#loss), measures: { accuracy: classAccuracy(logits, labels) } };
  }
}
