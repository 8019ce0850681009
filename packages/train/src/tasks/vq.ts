import type { Batch } from '@tessera/data';
import { preprocess, type VQTokenizer } from '@tessera/models';
import { type Tensor, tensor } from '@tessera/tensor';
import type { Task, TaskLoss } from './task.ts';

/** A batch of images: u8 [B, H, W, 3]. */
export type ImageTensors = { readonly images: Tensor };

/** Pixels from -1 to 1: what the tokenizer sees and gives back. */
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** u8 [N, H, W, 3] to f32 [N, 3, H, W] from -1 to 1. */
export const toSignedPixels = (images: Tensor): Tensor => preprocess(images, half);

/** f32 [N, 3, H, W] from -1 to 1 to f32 [N, H, W, 3] from 0 to 255. What lies beyond is cut off. */
export const fromSignedPixels = (images: Tensor): Tensor => images.clamp(-1, 1).add(1).mul(127.5).permute(0, 2, 3, 1);

export interface VQOptions {
  /** Factor on the commitment loss (van den Oord et al. 2017, equation 3). Default 0.25. */
  readonly commitment?: number;
}

/** Trains a VQ tokenizer to give back the images that it sees: mean squared error, and the commitment to the codes. */
export class VQTask implements Task<ImageTensors> {
  readonly model: VQTokenizer;
  readonly #commitment: number;

  constructor(model: VQTokenizer, { commitment = 0.25 }: VQOptions = {}) {
    this.model = model;
    this.#commitment = commitment;
  }

  trainingMode(): void {
    this.model.train();
  }

  loss({ images }: ImageTensors): TaskLoss {
    const pixels = toSignedPixels(images);
    const { reconstruction, commitment, perplexity } = this.model.forward(pixels);
    const error = reconstruction.sub(pixels).square().mean();
    return {
      loss: error.add(commitment.mul(this.#commitment)),
      measures: { reconstruction: error, commitment, perplexity },
    };
  }

  constrain(): void {}
}

/** The loader's batch as tensors on the default backend. */
export const imageTensors = ({ images, size }: Batch, imageSize: number): ImageTensors => ({
  images: tensor(images, { shape: [size, imageSize, imageSize, 3] }),
});
