/** From decoded pixels to the input of image towers. */
import { formatShape, type Tensor, tensor } from '@tessera/tensor';

/** Mean and standard deviation of each channel, for values in [0, 1]. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** OpenAI CLIP's, of its training images. */
export const clipNormalization: Normalization = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** ImageNet's: torchvision's ResNets and DeiT were trained with it. */
export const imageNetNormalization: Normalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/**
 * From decoded pixels to the input of an image tower, within the graph: (pixel / 255 - mean) / std, channels first.
 *
 * @param pixels u8 [N, H, W, C], with a mean and a standard deviation for each of the C channels
 * @returns f32 [N, C, H, W]
 */
export function preprocess(pixels: Tensor, { mean, std }: Normalization = clipNormalization): Tensor {
  if (pixels.ndim !== 4 || pixels.dtype !== 'u8' || pixels.shape[3] !== mean.length || std.length !== mean.length)
    throw new RangeError(
      `preprocess: needs pixels u8 [N, H, W, ${mean.length}], got ${pixels.dtype} ${formatShape(pixels.shape)}`,
    );
  const scale = tensor(std.map((deviation) => 1 / (255 * deviation)));
  const shift = tensor(std.map((deviation, channel) => -(mean[channel] ?? 0) / deviation));
  return pixels.cast('f32').mul(scale).add(shift).permute(0, 3, 1, 2);
}

/**
 * The pixels of an image tower's input, to be shown: `preprocess` backwards, rounded.
 *
 * @param images f32 [N, C, H, W], with a mean and a standard deviation for each of the C channels
 * @returns u8 [N, H, W, C]
 */
export function pixelsOf(images: Tensor, { mean, std }: Normalization = clipNormalization): Tensor {
  if (images.ndim !== 4 || images.shape[1] !== mean.length || std.length !== mean.length)
    throw new RangeError(`pixelsOf: needs images [N, ${mean.length}, H, W], got ${formatShape(images.shape)}`);
  const values = images.permute(0, 2, 3, 1).mul(tensor(std)).add(tensor(mean));
  return values.mul(255).add(0.5).floor().clamp(0, 255).cast('u8');
}
