/** Image towers that can tell which parts of an image they attend to. */
import { formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from './grid.ts';
import type { ImageTower } from './image-tower.ts';

/** The output of an image tower, and the attention weights that it was computed with. */
export interface AttendedImages {
  /** The result of `forward`: [N, outputDim]. */
  readonly output: Tensor;
  /** Attention weights of each layer, first to last: [N, H, L, prefix + rows * columns]; each row sums to 1. */
  readonly weights: readonly Tensor[];
  /** The number of keys in front of the patches, such as the class token. */
  readonly prefix: number;
  /** The grid of the patches. */
  readonly grid: Grid;
  /** The queries of the last layer that the output is read from: the first one, and the one after the last. */
  readonly readout: readonly [from: number, to: number];
}

/** An image tower whose layers attend to the whole image. */
export interface AttentiveTower extends ImageTower {
  /**
   * [N, 3, R, R], normalized. Weights and output belong to one graph, so the output can be differentiated with respect to the weights.
   * All tokens go through all blocks, while `forward` may skip what the output does not depend on.
   */
  attend(images: Tensor): AttendedImages;
}

/** Whether a tower returns attention weights. Swin does not: each of its windows sees only a part of the image. */
export const isAttentive = (tower: ImageTower): tower is AttentiveTower => 'attend' in tower;

/**
 * How much the tokens that represent the image (the class token, or the mean over the patches) attend to each patch. The sum over the
 * patches is 1 minus the attention to the tokens in front of them.
 *
 * @param weights [..., L, prefix + rows * columns]: a layer's weights, or a rollout
 * @returns [..., rows, columns]
 */
export function readoutMaps(
  weights: Tensor,
  { prefix, grid, readout: [from, to] }: Pick<AttendedImages, 'prefix' | 'grid' | 'readout'>,
): Tensor {
  const [rows, columns] = grid;
  const keys = prefix + rows * columns;
  const queries = weights.shape.at(-2) ?? 0;
  if (weights.shape.at(-1) !== keys || from < 0 || to > queries || from >= to)
    throw new RangeError(
      `readoutMaps: weights ${formatShape(weights.shape)} do not fit: queries ${from} to ${to - 1} and ${prefix} + ${rows} x ${columns} = ${keys} keys expected`,
    );
  return weights.slice(-2, from, to).mean(-2).slice(-1, prefix).unflatten(-1, [rows, columns]);
}
