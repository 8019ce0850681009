import { functional as F } from '@tessera/nn';
import { formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';

export interface NativeResolutionOptions {
  readonly patchSize: number;
  /** An image gets at most so many patches. */
  readonly maxTokens: number;
}

/**
 * The grid of patches that an image gets at its own resolution and ratio, [rows, columns] (Dehghani et al. 2023, NaViT). Sides are
 * rounded to whole patches, one at least: 14 x 20 pixels and patches of 14 give [1, 1], 22 pixels give 2. An image of more than
 * `maxTokens` patches is scaled by
 *
 *     sqrt(maxTokens / (height / p * width / p))
 *
 * and rounded down. Where that leaves less than one patch on the short side, that side gets one, and the long side what is left of
 * the limit. So the grid is never empty and never beyond the limit.
 */
export function nativeGrid(width: number, height: number, { patchSize, maxTokens }: NativeResolutionOptions): Grid {
  for (const size of [width, height, patchSize, maxTokens])
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`nativeGrid: sizes must be positive whole numbers, got ${size}`);
  const [down, across] = [height / patchSize, width / patchSize];
  const rounded: Grid = [Math.max(1, Math.round(down)), Math.max(1, Math.round(across))];
  if (rounded[0] * rounded[1] <= maxTokens) return rounded;
  const scale = Math.min(1, Math.sqrt(maxTokens / (down * across)));
  // What is a whole number but for rounding counts as one: 630 / 14 * sqrt(990 / 990) is 45.
  const scaled = (patches: number): number => Math.max(1, Math.floor(patches * scale + 1e-9));
  const [rows, columns] = [scaled(down), scaled(across)];
  if (rows * columns <= maxTokens) return [rows, columns];
  return rows < columns ? [rows, Math.floor(maxTokens / rows)] : [Math.floor(maxTokens / columns), columns];
}

/**
 * An image resized (bicubic, antialiased) to the whole patches of its `nativeGrid`.
 *
 * @param image [C, H, W], floating point
 * @returns [C, rows * p, columns * p]
 */
export function resizeToPatches(image: Tensor, options: NativeResolutionOptions): { image: Tensor; grid: Grid } {
  if (image.ndim !== 3)
    throw new RangeError(
      `resizeToPatches: needs an image [C, H, W], got a tensor of shape ${formatShape(image.shape)}`,
    );
  const [, height, width] = image.shape as [number, number, number];
  const grid = nativeGrid(width, height, options);
  const size = [grid[0] * options.patchSize, grid[1] * options.patchSize] as const;
  return { image: F.interpolate(image.unsqueeze(0), size, { mode: 'bicubic', antialias: true }).squeeze(0), grid };
}
