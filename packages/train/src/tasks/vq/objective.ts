/** The loss of a VQ tokenizer of images. */
import type { VQTokenizer } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { toSignedPixels } from '../../evaluation/reconstruction/signed-pixels.ts';
import type { Objective, ObjectiveLoss } from '../../loop/objective.ts';

/** A batch of images: u8 [B, H, W, 3]. */
export type ImageTensors = { readonly images: Tensor };

export interface VQOptions {
  /** Factor on the commitment loss (van den Oord et al. 2017, equation 3). Default 0.25. */
  readonly commitment?: number;
}

/** Trains a VQ tokenizer to reconstruct its input: mean squared error, plus the commitment to the codes. */
export class VQObjective implements Objective<ImageTensors> {
  readonly model: VQTokenizer;
  readonly #commitment: number;

  constructor(model: VQTokenizer, { commitment = 0.25 }: VQOptions = {}) {
    this.model = model;
    this.#commitment = commitment;
  }

  trainingMode(): void {
    this.model.train();
  }

  loss({ images }: ImageTensors): ObjectiveLoss {
    const pixels = toSignedPixels(images);
    const { reconstruction, commitment, perplexity } = this.model.forward(pixels);
    const error = reconstruction.sub(pixels).square().mean();
    return {
      loss: error.add(commitment.mul(this.#commitment)),
      measures: { reconstruction: error, commitment, perplexity },
    };
  }
}
