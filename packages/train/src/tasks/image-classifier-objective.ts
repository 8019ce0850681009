/** The objective of image classifiers without the loss: shared by the tasks whose model is an image tower with a linear head. */
import type { ImageClassifier } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { BatchTensors, ObjectiveLoss, SeparableObjective } from '../loop/objective.ts';
import { modelInput } from './model-input.ts';

/** Images with their targets: `images` are u8 [B, H, W, 3], or mixed and preprocessed, f32 [B, C, H, W]. */
type ImagesAndTargets = BatchTensors & { readonly images: Tensor };

/** [B, classes] */
export type Logits = { readonly logits: Tensor };

/** Logits for each image, and a loss of the logits, which a subclass defines. */
export abstract class ImageClassifierObjective<Batch extends ImagesAndTargets, Model extends ImageClassifier>
  implements SeparableObjective<Batch>
{
  readonly model: Model;
  readonly #freezeTower: boolean;

  /** @param freezeTower whether the image tower is frozen and only the head is trained: a linear probe */
  constructor(model: Model, freezeTower: boolean) {
    this.model = model;
    this.#freezeTower = freezeTower;
    if (freezeTower) model.visual.freeze();
  }

  trainingMode(): void {
    this.model.train();
    // Otherwise batch normalization would continue to update its statistics.
    if (this.#freezeTower) this.model.visual.eval();
  }

  encode({ images }: Batch): Logits {
    return { logits: this.model.forward(modelInput(images)) };
  }

  abstract lossOf(encoded: Logits, batch: Batch): ObjectiveLoss;

  loss(batch: Batch): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
