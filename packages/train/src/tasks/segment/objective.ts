/** The loss of a model that finds a class for each pixel. */
import { preprocess, segmentationLoss, type ViTSegmenter } from '@tessera/models';
import { type Tensor, where } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';

/**
 * The true classes of the pixels, i32 [B, H, W]: 0 where the brightest channel is at most `background`, otherwise the label of the image
 * plus 1.
 */
export const trueClasses = ({ images, labels }: LabeledTensors, background: number): Tensor =>
  where(images.cast('f32').max(3).gt(background), labels.reshape([-1, 1, 1]).add(1), 0).cast('i32');

/** Trains a segmentation model by the cross-entropy of all pixels. */
export class SegmentObjective implements SeparableObjective<LabeledTensors> {
  readonly model: ViTSegmenter;
  readonly #background: number;

  /** @param background see `trueClasses` */
  constructor(model: ViTSegmenter, background: number) {
    this.model = model;
    this.#background = background;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** logits [B, 1 + classes, H, W] */
  encode({ images }: LabeledTensors): { logits: Tensor } {
    return { logits: this.model.forward(preprocess(images)) };
  }

  lossOf({ logits }: { logits: Tensor }, batch: LabeledTensors): ObjectiveLoss {
    const truth = trueClasses(batch, this.#background);
    const accuracy = logits.argmax(1).eq(truth).cast('f32').mean();
    return { loss: segmentationLoss(logits, truth, { ignoreIndex: null }), measures: { accuracy } };
  }

  loss(batch: LabeledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
