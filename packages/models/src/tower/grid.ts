import { functional as F } from '@tessera/nn';

/** How many patches lie below and beside each other. */
export type Grid = readonly [rows: number, columns: number];

/**
 * The grid of patches of an image.
 *
 * @throws RangeError where a side is not a multiple of the patch's
 */
export function gridOf(what: string, imageSize: F.Pair, patchSize: F.Pair): Grid {
  const [image, patch] = [F.pair(imageSize), F.pair(patchSize)];
  const grid = [0, 1].map((k) => (image[k] as number) / (patch[k] as number));
  if (grid.some((n) => !Number.isInteger(n) || n < 1))
    throw new RangeError(
      `${what}: an image of ${image.join(' x ')} does not divide into patches of ${patch.join(' x ')}: ` +
        'height and width must be positive multiples of them',
    );
  return grid as [number, number];
}
