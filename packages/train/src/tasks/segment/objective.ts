/** The loss of a model that finds a class for each pixel. */
import { ignoredClass } from '@tessera/data';
import { preprocess, segmentationLoss, type ViTSegmenter } from '@tessera/models';
import { type Tensor, where } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';

/** A batch of images with masks. */
export type MaskedTensors = {
  /** u8 [B, H, W, 3] */
  readonly images: Tensor;
  /** i32 [B, H, W]: the true classes of the pixels; 255 for those that do not count */
  readonly masks: Tensor;
};

/**
 * The true classes of the pixels of labeled images, i32 [B, H, W]: 0 where the brightest channel is at most `background`, otherwise the
 * label of the image plus 1.
 */
export const trueClasses = ({ images, labels }: LabeledTensors, background: number): Tensor =>
  where(images.cast('f32').max(3).gt(background), labels.reshape([-1, 1, 1]).add(1), 0).cast('i32');

/** Trains a segmentation model by the cross-entropy of all pixels that count. */
export class SegmentObjective implements SeparableObjective<MaskedTensors> {
  readonly model: ViTSegmenter;

  constructor(model: ViTSegmenter) {
    this.model = model;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** logits [B, classes, H, W] */
  encode({ images }: MaskedTensors): { logits: Tensor } {
    return { logits: this.model.forward(preprocess(images)) };
  }

  lossOf({ logits }: { logits: Tensor }, { masks }: MaskedTensors): ObjectiveLoss {
    const counted = masks.ne(ignoredClass).cast('f32').sum().maximum(1);
    const accuracy = logits.argmax(1).eq(masks).cast('f32').sum().div(counted);
    return { loss: segmentationLoss(logits, masks, { ignoreIndex: ignoredClass }), measures: { accuracy } };
  }

  loss(batch: MaskedTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
