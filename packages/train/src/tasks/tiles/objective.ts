/** The loss of a classifier of scenes. */
import { preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';
import type { TiledClassifier } from './tiled-classifier.ts';

/** Trains a classifier of scenes, u8 [B, height, width, 3]. */
export class TilesObjective implements SeparableObjective<LabeledTensors> {
  readonly model: TiledClassifier;

  constructor(model: TiledClassifier) {
    this.model = model;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** logits [B, classes] */
  encode({ images }: LabeledTensors): { logits: Tensor } {
    return { logits: this.model.forward(preprocess(images)) };
  }

  lossOf({ logits }: { logits: Tensor }, { labels }: LabeledTensors): ObjectiveLoss {
    const accuracy = logits.argmax(1).eq(labels).cast('f32').mean();
    return { loss: crossEntropy(logits, labels, { ignoreIndex: null }), measures: { accuracy } };
  }

  loss(batch: LabeledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
