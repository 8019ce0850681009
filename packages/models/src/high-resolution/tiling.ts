/** Large images as tiles and a thumbnail. */
import { functional as F, sizesOf } from '@tessera/nn';
import { concat, formatShape, type Tensor } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';

export interface TilingOptions {
  /** Side of a tile in pixels: the size of the encoder's images. */
  readonly tileSize: number;
  readonly maxTiles: number;
}

const requireSize = (what: string, ...sizes: number[]): void => {
  const wrong = sizes.find((size) => !Number.isInteger(size) || size < 1);
  if (wrong !== undefined) throw new RangeError(`${what}: sizes must be positive whole numbers, got ${wrong}`);
};

/**
 * The best grid of tiles for an image, [rows, columns], by area and by ratio (similar to LLaVA-NeXT's choice of a resolution).
 *
 * Candidates are grids of at most `maxTiles` tiles that the image can fill: an axis that is s tiles long gets at most round(s) of them,
 * so that no side is enlarged to more than 3/2, and an image not much larger than a tile is one tile. The best candidate is the one in
 * which the image stays largest if it is fitted in without changing its ratio,
 *
 *     scale = min(1, columns * tileSize / width, rows * tileSize / height)
 *
 * and among several with the same scale, the one with the fewest tiles, whose ratio is closest to the image's.
 *
 * @param width of the image, in pixels
 */
export function bestGrid(width: number, height: number, { tileSize, maxTiles }: TilingOptions): Grid {
  requireSize('bestGrid', width, height, tileSize, maxTiles);
  const most = (side: number): number => Math.min(maxTiles, Math.max(1, Math.round(side / tileSize)));
  const scale = ([rows, columns]: Grid): number =>
    Math.min(1, (columns * tileSize) / width, (rows * tileSize) / height);
  let best: Grid = [1, 1];
  for (let rows = 1; rows <= most(height); rows++)
    for (let columns = 1; columns <= most(width) && rows * columns <= maxTiles; columns++) {
      const [own, largest] = [scale([rows, columns]), scale(best)];
      const better = own === largest ? rows * columns < best[0] * best[1] : own > largest;
      if (better) best = [rows, columns];
    }
  return best;
}

/** An image as tiles, for an encoder of images of one size. */
export interface Tiles {
  /** [T, C, S, S]: the grid's tiles row by row, then the whole image as a thumbnail. A single tile is its own thumbnail. */
  readonly tiles: Tensor;
  readonly grid: Grid;
}

/** The number of tiles that `tileImage` makes for a grid: its tiles, and one for the thumbnail unless it is a single tile. */
export const tileCount = ([rows, columns]: Grid): number => (rows * columns === 1 ? 1 : rows * columns + 1);

/**
 * Cuts an image into tiles, like LLaVA-NeXT and InternVL: the whole image is resized to the grid's size, bicubic and antialiased, and
 * then cut, so that no row or column is lost at the borders; the thumbnail is another resized copy.
 *
 * @param image [C, H, W], floating point
 */
export function tileImage(image: Tensor, options: TilingOptions): Tiles {
  const [, height, width] = sizesOf(image, 3, 'tileImage', 'an image [C, H, W]');
  const { tileSize: side } = options;
  const grid = bestGrid(width, height, options);
  const resized = (rows: number, columns: number): Tensor =>
    F.interpolate(image.unsqueeze(0), [rows * side, columns * side], { mode: 'bicubic', antialias: true });
  const cut = cutTiles(resized(...grid), side);
  return { tiles: tileCount(grid) === 1 ? cut : concat([cut, resized(1, 1)], 0), grid };
}

/** [1, C, rows S, columns S] to [rows columns, C, S, S], row by row. */
function cutTiles(canvas: Tensor, side: number): Tensor {
  const [, c, height, width] = sizesOf(canvas, 4, 'tileImage', 'a canvas [1, C, H, W]');
  const [rows, columns] = [height / side, width / side];
  return canvas
    .reshape([c, rows, side, columns, side])
    .permute(1, 3, 0, 2, 4)
    .reshape([rows * columns, c, side, side]);
}

/**
 * Arranges the tokens of a grid's tiles as in the image: from tile after tile to row after row.
 *
 * @param tokens [tiles, rows * columns, D], without those of the thumbnail
 * @param tileGrid tokens in one tile: [rows, columns]
 * @returns [grid rows * rows, grid columns * columns, D]
 */
export function joinTiles(tokens: Tensor, grid: Grid, tileGrid: Grid): Tensor {
  const width = tokens.shape.at(-1) ?? 0;
  if (tokens.ndim !== 3 || tokens.shape[0] !== grid[0] * grid[1] || tokens.shape[1] !== tileGrid[0] * tileGrid[1])
    throw new RangeError(
      `joinTiles: tokens ${formatShape(tokens.shape)} are not those of ${grid.join(' x ')} tiles with ${tileGrid.join(' x ')} tokens each`,
    );
  return tokens
    .reshape([...grid, ...tileGrid, width])
    .permute(0, 2, 1, 3, 4)
    .reshape([grid[0] * tileGrid[0], grid[1] * tileGrid[1], width]);
}
