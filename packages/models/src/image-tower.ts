import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/** From images to one feature vector each: what CLIP and the classifier ask of an image model. */
export interface ImageTower extends Module {
  /** Side of the square images, in pixels. */
  readonly inputResolution: number;
  readonly outputDim: number;
  /** [N, 3, R, R], normalised, to [N, outputDim] */
  forward(images: Tensor): Tensor;
}
