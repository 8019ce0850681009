/** What CLIP and the classifier ask of an image model. */
import { formatShape, type Tensor } from '@tessera/tensor';
import type { LayeredModel } from './parameter-layers.ts';

/** A model that maps each image to one feature vector. */
export interface ImageTower extends LayeredModel {
  /** Side of the square images, in pixels. */
  readonly inputResolution: number;
  readonly outputDim: number;
  /** [N, 3, R, R], normalized, to [N, outputDim] */
  forward(images: Tensor): Tensor;
}

/** @throws RangeError unless `images` are [N, 3, side, side] */
export function requireSquareImages(model: string, images: Tensor, side: number): void {
  const [, channels, height, width] = images.shape;
  if (images.ndim !== 4 || channels !== 3 || height !== side || width !== side)
    throw new RangeError(`${model}: needs images [N, 3, ${side}, ${side}], got ${formatShape(images.shape)}`);
}
