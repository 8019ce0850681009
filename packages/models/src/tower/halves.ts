/** Image towers that can be split into a front half and a back half, which may run in two processes. */
import { formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from './grid.ts';
import type { ImageTower } from './image-tower.ts';

/** Tokens of images, those such as the class token first, and the grid of the patches among them. */
export interface Embedded {
  /** [N, prefix + rows * columns, width] */
  readonly tokens: Tensor;
  /** Tokens in front of the patches. */
  readonly prefix: number;
  readonly grid: Grid;
}

/** The input of a back half. */
export interface TokenSequence extends Embedded {
  /** bool [N, prefix + rows * columns]: true where a token may be seen. Default: all may. */
  readonly mask?: Tensor | null;
}

/**
 * An image tower that can be split in two: `forward(images)` is `forwardTokens(embed(images))`. The front half ends when the sequence
 * is complete (patches, class token, positions), before the transformer.
 */
export interface SplitTower extends ImageTower {
  /** [N, 3, R, R], normalized, to tokens with their positions */
  embed(images: Tensor): Embedded;
  /** Tokens to [N, outputDim] */
  forwardTokens(sequence: TokenSequence): Tensor;
}

/** Whether a tower has a token sequence to split at: Vision Transformers have one, convolutional networks and Swin do not. */
export const isSplitTower = (tower: ImageTower): tower is SplitTower =>
  'embed' in tower && 'forwardTokens' in tower && typeof tower.forwardTokens === 'function';

export interface ExpectedSequence {
  readonly prefix: number;
  /** null: any grid. */
  readonly grid: Grid | null;
  readonly width: number;
}

/** @throws RangeError if tokens, grid and mask do not fit each other or the model */
export function checkTokenSequence(model: string, sequence: TokenSequence, expected: ExpectedSequence): void {
  const { tokens, prefix, grid, mask = null } = sequence;
  const wanted = expected.grid ?? grid;
  if (prefix !== expected.prefix || grid[0] !== wanted[0] || grid[1] !== wanted[1])
    throw new RangeError(
      `${model}: got tokens of ${prefix} + ${grid.join(' x ')} places; the model takes ${expected.prefix} + ${wanted.join(' x ')}`,
    );
  const length = prefix + grid[0] * grid[1];
  if (tokens.ndim !== 3 || tokens.shape[1] !== length || tokens.shape[2] !== expected.width)
    throw new RangeError(`${model}: needs tokens [N, ${length}, ${expected.width}], got ${formatShape(tokens.shape)}`);
  if (mask !== null && (mask.dtype !== 'bool' || formatShape(mask.shape) !== formatShape(tokens.shape.slice(0, 2))))
    throw new RangeError(
      `${model}: tokens ${formatShape(tokens.shape)} need a mask bool ${formatShape(tokens.shape.slice(0, 2))}, got ${mask.dtype} ${formatShape(mask.shape)}`,
    );
}
