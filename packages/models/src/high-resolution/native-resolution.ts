/** Images at their own resolution and ratio. */
import { functional as F, sizesOf } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';

export interface NativeResolutionOptions {
  readonly patchSize: number;
  /** The largest number of patches of an image. */
  readonly maxTokens: number;
}

/**
 * The grid of patches of an image at its own resolution and ratio, [rows, columns] (Dehghani et al. 2023, NaViT). Sides are
 * rounded to whole patches, at least one: with patches of 14, 14 x 20 pixels are [1, 1], and 22 pixels are 2 patches. An image of more
 * than `maxTokens` patches is scaled by
 *
 *     sqrt(maxTokens / (height / p * width / p))
 *
 * and rounded down. If less than one patch remains on the short side, that side gets one patch, and the long side as many as the limit
 * allows. So the grid is never empty and never exceeds the limit.
 */
export function nativeGrid(width: number, height: number, { patchSize, maxTokens }: NativeResolutionOptions): Grid {
  for (const size of [width, height, patchSize, maxTokens])
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`nativeGrid: sizes must be positive whole numbers, got ${size}`);
  const [down, across] = [height / patchSize, width / patchSize];
  const rounded: Grid = [Math.max(1, Math.round(down)), Math.max(1, Math.round(across))];
  if (rounded[0] * rounded[1] <= maxTokens) return rounded;
  const scale = Math.min(1, Math.sqrt(maxTokens / (down * across)));
  // A number that differs from a whole one only by rounding counts as that: 630 / 14 * sqrt(990 / 990) is 45.
  const scaled = (patches: number): number => Math.max(1, Math.floor(patches * scale + 1e-9));
  const [rows, columns] = [scaled(down), scaled(across)];
  if (rows * columns <= maxTokens) return [rows, columns];
  return rows < columns ? [rows, Math.floor(maxTokens / rows)] : [Math.floor(maxTokens / columns), columns];
}

/**
 * Resizes an image (bicubic, antialiased) to the whole patches of its `nativeGrid`.
 *
 * @param image [C, H, W], floating point
 * @returns [C, rows * p, columns * p]
 */
export function resizeToPatches(image: Tensor, options: NativeResolutionOptions): { image: Tensor; grid: Grid } {
  const [, height, width] = sizesOf(image, 3, 'resizeToPatches', 'an image [C, H, W]');
  const grid = nativeGrid(width, height, options);
  const size = [grid[0] * options.patchSize, grid[1] * options.patchSize] as const;
  return { image: F.interpolate(image.unsqueeze(0), size, { mode: 'bicubic', antialias: true }).squeeze(0), grid };
}
