/** The loss of a classifier of scenes. */
import type { Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import { type ClassLossOptions, classAccuracy, classLoss } from '../class-loss.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';
import { modelInput } from '../model-input.ts';
import type { TiledClassifier } from './tiled-classifier.ts';

/** Trains a classifier of scenes, u8 [B, height, width, 3]. */
export class TilesObjective implements SeparableObjective<LabeledTensors> {
  readonly model: TiledClassifier;
  readonly #loss: ClassLossOptions;

  constructor(model: TiledClassifier, loss: ClassLossOptions = {}) {
    this.model = model;
    this.#loss = loss;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** logits [B, classes] */
  encode({ images }: LabeledTensors): { logits: Tensor } {
    return { logits: this.model.forward(modelInput(images)) };
  }

  lossOf({ logits }: { logits: Tensor }, { labels }: LabeledTensors): ObjectiveLoss {
    return { loss: classLoss(logits, labels, this.#loss), measures: { accuracy: classAccuracy(logits, labels) } };
  }

  loss(batch: LabeledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
