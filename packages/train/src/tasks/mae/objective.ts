/** The loss of a masked autoencoder. */
import { type MaskedAutoencoder, preprocess } from '@tessera/models';
import { type Tensor, where } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';

/** A batch of images, u8 [B, H, W, 3]. */
export type MAETensors = { readonly images: Tensor };

/**
 * The mean squared error of the hidden patches of each image (He et al. 2022, section 3), f32 [B].
 *
 * @param pictures [B, 3, H, W], normalized
 * @param prediction [B, L, h w 3]
 * @param mask f32 [B, L], 1 where a patch is hidden
 */
export function hiddenError(model: MaskedAutoencoder, pictures: Tensor, prediction: Tensor, mask: Tensor): Tensor {
  const errors = prediction.sub(model.target(pictures)).square().mean(-1);
  return where(mask, errors, 0).sum(1).div(mask.sum(1));
}

/** Trains a masked autoencoder. Each step hides other patches, chosen by the random numbers of the step. */
export class MAEObjective implements SeparableObjective<MAETensors> {
  readonly model: MaskedAutoencoder;

  constructor(model: MaskedAutoencoder) {
    this.model = model;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** The error of each image, [B]: as many patches are hidden in each, so the loss is their mean. */
  encode({ images }: MAETensors): { error: Tensor } {
    const pictures = preprocess(images);
    const { prediction, mask } = this.model.reconstruct(pictures);
    return { error: hiddenError(this.model, pictures, prediction, mask) };
  }

  lossOf({ error }: { error: Tensor }): ObjectiveLoss {
    return { loss: error.mean(), measures: {} };
  }

  loss(batch: MAETensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch));
  }
}
