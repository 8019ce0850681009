/** The loss of a model that finds objects. */
import {
  type DetectionLossOptions,
  type Detections,
  detectionLoss,
  gridOf,
  preprocess,
  type ViTDetector,
} from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';

/** A batch of images with at most T objects each. */
export type SceneTensors = {
  /** u8 [B, H, W, 3] */
  readonly images: Tensor;
  /** f32 [B, T, 4]: center x, center y, width, height, as shares of the image */
  readonly boxes: Tensor;
  /** i32 [B, T]; -1: no object */
  readonly labels: Tensor;
};

/** Trains a detector: see `detectionLoss`. */
export class DetectObjective implements SeparableObjective<SceneTensors> {
  readonly model: ViTDetector;
  readonly #options: DetectionLossOptions;

  constructor(model: ViTDetector, options: DetectionLossOptions = {}) {
    this.model = model;
    this.#options = options;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** boxes [B, L, 4] and logits [B, L, classes + 1] of the patches */
  encode({ images }: SceneTensors): { boxes: Tensor; logits: Tensor } {
    const { boxes, logits } = this.model.forward(preprocess(images));
    return { boxes, logits };
  }

  lossOf({ boxes, logits }: { boxes: Tensor; logits: Tensor }, batch: SceneTensors): ObjectiveLoss {
    const { imageSize, patchSize } = this.model.backbone;
    const found: Detections = { boxes, logits, grid: gridOf('DetectObjective', imageSize, patchSize) };
    return { loss: detectionLoss(found, batch, this.#options), measures: {} };
  }

  loss(batch: SceneTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
