/** Augmentation: random crops, affine maps, flips and color changes, decided by a counter-based random stream. */
import type { CounterRandom } from '../random.ts';
import { jitterColors } from './color.ts';
import { type Augmentation, type AugmentationDraw, drawAugmentation, type Fit } from './options.ts';
import { applyPolicy, erase } from './policy.ts';
import { type Pixels, resizeBox } from './resample.ts';
import { warp } from './warp.ts';

export {
  type AffineOptions,
  type Augmentation,
  type AugmentationDraw,
  augmentations,
  type Box,
  type ColorOptions,
  type CropOptions,
  drawAugmentation,
  type Fit,
} from './options.ts';
export type { ErasingOptions, Policy } from './policy.ts';
export { type Pixels, resizeBox } from './resample.ts';

const white = [255, 255, 255] as const;

/**
 * Augments an image to size x size pixels.
 * @param random the source of every random decision; the same stream produces the same pixels.
 * @param out receives size * size * 3 bytes of RGB.
 * @param fit see `drawAugmentation`
 * @returns where the pixels come from, for boxes and masks; a policy moves pixels further
 */
export function augment(
  image: Pixels,
  augmentation: Augmentation,
  size: number,
  random: CounterRandom,
  out: Uint8ClampedArray,
  fit: Fit = 'center',
): AugmentationDraw {
  const { fill = white, interpolation = 'bicubic', policy, erase: erasing } = augmentation;
  const draw = drawAugmentation(augmentation, image.width, image.height, random, fit);
  if (draw.matrix) warp(image, draw, size, out, interpolation, fill);
  else resizeBox(image, draw.box, size, out, draw.flip);
  if (draw.color) jitterColors(out, draw.color);
  const picture = { data: out, width: size, height: size };
  if (policy) applyPolicy(picture, policy, fill, random);
  if (erasing) erase(picture, erasing, fill, random);
  return draw;
}
