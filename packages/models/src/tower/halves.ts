import { formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from './grid.ts';
import type { ImageTower } from './image-tower.ts';

/** Tokens of images, class token and the like first, and how the patches among them lie. */
export interface Embedded {
  /** [N, prefix + rows * columns, width] */
  readonly tokens: Tensor;
  /** Tokens in front of the patches. */
  readonly prefix: number;
  readonly grid: Grid;
}

/** What a back half is given. */
export interface TokenSequence extends Embedded {
  /** bool [N, prefix + rows * columns]: true where a token may be seen. Default: all may. */
  readonly mask?: Tensor | null;
}

/**
 * An image tower that can be cut in two: `forward(images)` is `forwardTokens(embed(images))`. The front half ends where the sequence
 * is complete (patches, class token, positions) and the transformer has not begun.
 */
export interface SplitTower extends ImageTower {
  /** [N, 3, R, R], normalised, to tokens with their positions */
  embed(images: Tensor): Embedded;
  /** Tokens to [N, outputDim] */
  forwardTokens(sequence: TokenSequence): Tensor;
}

/** Whether a tower has tokens to hand over: Vision Transformers have, convolutional networks and Swin have not. */
export const isSplitTower = (tower: ImageTower): tower is SplitTower =>
  'embed' in tower && 'forwardTokens' in tower && typeof tower.forwardTokens === 'function';

export interface ExpectedSequence {
  readonly prefix: number;
  /** null: any. */
  readonly grid: Grid | null;
  readonly width: number;
}

/** @throws RangeError where tokens, grid and mask do not fit each other or the model */
export function checkTokenSequence(model: string, sequence: TokenSequence, expected: ExpectedSequence): void {
  const { tokens, prefix, grid, mask = null } = sequence;
  const wanted = expected.grid ?? grid;
  if (prefix !== expected.prefix || grid[0] !== wanted[0] || grid[1] !== wanted[1])
    throw new RangeError(
      `${model}: tokens of ${prefix} + ${grid.join(' x ')} places; the model takes ${expected.prefix} + ${wanted.join(' x ')}`,
    );
  const length = prefix + grid[0] * grid[1];
  if (tokens.ndim !== 3 || tokens.shape[1] !== length || tokens.shape[2] !== expected.width)
    throw new RangeError(`${model}: needs tokens [N, ${length}, ${expected.width}], got ${formatShape(tokens.shape)}`);
  if (mask !== null && (mask.dtype !== 'bool' || formatShape(mask.shape) !== formatShape(tokens.shape.slice(0, 2))))
    throw new RangeError(
      `${model}: tokens ${formatShape(tokens.shape)} need a mask bool ${formatShape(tokens.shape.slice(0, 2))}, got ${mask.dtype} ${formatShape(mask.shape)}`,
    );
}
