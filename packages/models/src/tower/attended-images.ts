import { formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from './grid.ts';
import type { ImageTower } from './image-tower.ts';

/** What an image tower gives, and where it looked. */
export interface AttendedImages {
  /** What `forward` gives: [N, outputDim]. */
  readonly output: Tensor;
  /** Attention weights of each layer, first to last: [N, H, L, prefix + rows * columns]; each row sums to 1. */
  readonly weights: readonly Tensor[];
  /** Keys in front of the patches: class token and the like. */
  readonly prefix: number;
  /** How the patches lie. */
  readonly grid: Grid;
  /** The queries of the last layer that the output is read from: the first one, and the one behind the last. */
  readonly readout: readonly [from: number, to: number];
}

/** An image tower whose layers look at the whole image by attention. */
export interface AttentiveTower extends ImageTower {
  /**
   * [N, 3, R, R], normalised. Weights and output are of one graph: a derivative of the output by the weights exists. All tokens go
   * through all blocks, where `forward` may leave out what the output does not depend on.
   */
  attend(images: Tensor): AttendedImages;
}

/** Whether a tower says where it looks. Swin does not: its windows see a part of the image each. */
export const isAttentive = (tower: ImageTower): tower is AttentiveTower => 'attend' in tower;

/**
 * What the image's own tokens (the class token, or the mean over the patches) see of each patch. Sums to 1 less what goes to the
 * tokens in front of the patches.
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
