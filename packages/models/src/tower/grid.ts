/** How the patches of an image are arranged. */
import { functional as F } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';

/** The number of rows and of columns of patches. */
export type Grid = readonly [rows: number, columns: number];

/**
 * The grid of patches of an image.
 *
 * @throws RangeError if a side is not a positive multiple of the patch's
 */
export function gridOf(what: string, imageSize: F.Pair, patchSize: F.Pair): Grid {
  const [[height, width], [h, w]] = [F.pair(imageSize), F.pair(patchSize)];
  const grid: Grid = [height / h, width / w];
  if (grid.some((n) => !Number.isInteger(n) || n < 1))
    throw new RangeError(
      `${what}: an image of ${height} x ${width} does not divide into patches of ${h} x ${w}: ` +
        'height and width must be positive multiples of them',
    );
  return grid;
}

/** Row and column of every patch of a grid, row by row: i32 [rows * columns]. */
export function gridCoordinates([rows, columns]: Grid): { row: Tensor; column: Tensor } {
  const each = (f: (k: number) => number): Tensor =>
    tensor(Int32Array.from({ length: rows * columns }, (_, k) => f(k)));
  return { row: each((k) => Math.floor(k / columns)), column: each((k) => k % columns) };
}
