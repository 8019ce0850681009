/** The loss of multi-label classification: one binary decision for each class of each image. */
import { ImageClassifier, type ImageTower } from '@tessera/models';
import { Buffer, binaryCrossEntropyWithLogits } from '@tessera/nn';
import { ones, type Tensor } from '@tessera/tensor';
import type { ObjectiveLoss } from '../../loop/objective.ts';
import { ImageClassifierObjective, type Logits } from '../image-classifier-objective.ts';

/**
 * A batch of images with their classes: u8 [B, H, W, 3]; f32 [B, classes], 1 for each class that an image has, otherwise 0. Of mixed images:
 * f32 [B, C, H, W]; f32 [B, classes], from 0 to 1.
 */
export type TaggedTensors = { readonly images: Tensor; readonly targets: Tensor };

/**
 * An image classifier with the weights of its loss. They are stored with the model, so that a resumed run has those that it began with,
 * and a model without weights has the same tensors as any other image classifier.
 */
export class MultiLabelClassifier extends ImageClassifier {
  /** [classes]: factor on the loss of a class's positives; null: 1. */
  readonly pos_weight: Buffer | null;

  constructor(visual: ImageTower, classes: number, weighted: boolean) {
    super(visual, classes);
    this.pos_weight = weighted ? new Buffer(ones([classes])) : null;
  }
}

/** Trains a multi-label classifier. */
export class MultiLabelObjective extends ImageClassifierObjective<TaggedTensors, MultiLabelClassifier> {
  lossOf({ logits }: Logits, { targets }: TaggedTensors): ObjectiveLoss {
    const predicted = logits.gt(0).cast('f32');
    // 2 TP / (2 TP + FP + FN) over all decisions of the batch, at the threshold 0.5.
    const counted = predicted.sum().add(targets.sum()).maximum(1);
    const f1 = predicted.mul(targets).sum().mul(2).div(counted);
    const loss = binaryCrossEntropyWithLogits(logits, targets, { posWeight: this.model.pos_weight });
    return { loss, measures: { f1 } };
  }
}
