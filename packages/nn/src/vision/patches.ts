/** Cuts images into patches, and joins patches to images. */

import { formatShape, type Tensor } from '@tessera/tensor';
import { requireWhole } from '../arguments.ts';
import { sizesOf } from '../sizes.ts';
import { type Pair, pair } from './windows.ts';

export interface PatchOptions {
  /**
   * The order of the numbers within a patch: [C, h, w], the order of a convolution's weight (default), or [h, w, C], the order that
   * MAE's decoder predicts.
   */
  readonly order?: 'channels-first' | 'channels-last';
}

/**
 * Cuts images into patches that neither overlap nor leave gaps, row by row (Dosovitskiy et al. 2021, section 3.1). A reshape is not
 * enough: the pixels of each patch must be brought together, [N, C, gh, h, gw, w] to [N, gh, gw, C, h, w].
 *
 * @param images [N, C, H, W]; H and W multiples of the patch's sides
 * @returns [N, (H / h) (W / w), C h w]
 */
export function patchify(images: Tensor, patchSize: Pair, { order = 'channels-first' }: PatchOptions = {}): Tensor {
  const [h, w] = pair(patchSize);
  requireWhole('patchify', { 'the height of a patch': h, 'its width': w });
  const [n, c, height, width] = sizesOf(images, 4, 'patchify', 'images [N, C, H, W]');
  if (height % h !== 0 || width % w !== 0 || height === 0 || width === 0)
    throw new RangeError(
      `patchify: images ${formatShape(images.shape)} do not divide into patches of ${h} x ${w}: ` +
        'height and width must be multiples of them',
    );
  const [rows, columns] = [height / h, width / w];
  return images
    .reshape([n, c, rows, h, columns, w])
    .permute(...cut[order])
    .reshape([n, rows * columns, c * h * w]);
}

/**
 * Joins patches to images: the inverse of `patchify`.
 *
 * @param patches [N, rows * columns, C h w]
 * @param grid the number of rows and of columns of patches
 * @returns [N, C, rows * h, columns * w]
 */
export function unpatchify(
  patches: Tensor,
  patchSize: Pair,
  [rows, columns]: readonly [rows: number, columns: number],
  { order = 'channels-first' }: PatchOptions = {},
): Tensor {
  const [h, w] = pair(patchSize);
  const [n = 0, count = 0, size = 0] = patches.shape;
  const c = size / (h * w);
  if (patches.ndim !== 3 || count !== rows * columns || !Number.isInteger(c))
    throw new RangeError(
      `unpatchify: patches ${formatShape(patches.shape)} are not [N, ${rows * columns}, C * ${h} * ${w}]`,
    );
  const split = order === 'channels-first' ? [c, h, w] : [h, w, c];
  return patches
    .reshape([n, rows, columns, ...split])
    .permute(...join[order])
    .reshape([n, c, rows * h, columns * w]);
}

/** From [N, C, rows, h, columns, w]. */
const cut = { 'channels-first': [0, 2, 4, 1, 3, 5], 'channels-last': [0, 2, 4, 3, 5, 1] } as const;

/** From [N, rows, columns, C, h, w] or [N, rows, columns, h, w, C] to [N, C, rows, h, columns, w]. */
const join = { 'channels-first': [0, 3, 1, 4, 2, 5], 'channels-last': [0, 5, 1, 3, 2, 4] } as const;
