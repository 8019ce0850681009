/** Windows over maps of tokens, and their shifts. */
import { sizesOf } from '@tessera/nn';
import { concat, formatShape, type Tensor, tensor } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';

/** Height and width of an attention window, in tokens. */
export type Window = readonly [height: number, width: number];

/**
 * Cuts a map of tokens into windows that do not overlap, row by row.
 *
 * @param x [N, H, W, C]; H and W multiples of the window's sides
 * @returns [N * (H / h) (W / w), h w, C]
 */
export function windowPartition(x: Tensor, [h, w]: Window): Tensor {
  const [n = 0, height = 0, width = 0, c = 0] = x.shape;
  if (x.ndim !== 4 || height % h !== 0 || width % w !== 0)
    throw new RangeError(
      `windowPartition: ${formatShape(x.shape)} is not a map [N, H, W, C] that divides into windows of ${h} x ${w}`,
    );
  const [rows, columns] = [height / h, width / w];
  return x
    .reshape([n, rows, h, columns, w, c])
    .permute(0, 1, 3, 2, 4, 5)
    .reshape([n * rows * columns, h * w, c]);
}

/** The inverse of `windowPartition`: [N * windows, h w, C] to [N, height, width, C]. */
export function windowReverse(windows: Tensor, [h, w]: Window, [height, width]: Grid): Tensor {
  const [count, , c] = sizesOf(windows, 3, 'windowReverse', 'windows [N * windows, h w, C]');
  const [rows, columns] = [height / h, width / w];
  const n = count / (rows * columns);
  return windows.reshape([n, rows, columns, h, w, c]).permute(0, 1, 3, 2, 4, 5).reshape([n, height, width, c]);
}

/** Moves the elements along `axis` by `shift` places towards the end; those that leave it come in at the front. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const n = x.shape[axis];
  if (n === undefined) throw new RangeError(`roll: ${formatShape(x.shape)} has no axis ${axis}`);
  const by = ((shift % n) + n) % n;
  return by === 0 ? x : concat([x.slice(axis, n - by), x.slice(axis, 0, n - by)], axis);
}

/**
 * Which tokens of a shifted window may see each other (Liu et al. 2021, figure 4): rolling brings tokens from opposite borders
 * together, and they must not attend to each other.
 *
 * @returns bool [windows, 1, h w, h w], true where a query may see a key; null if nothing is shifted
 */
export function shiftMask([height, width]: Grid, window: Window, shift: Window): Tensor | null {
  if (shift[0] === 0 && shift[1] === 0) return null;
  const [h, w] = window;
  /** After rolling, an axis consists of up to three stretches that were not neighbors. */
  const stretch = (place: number, size: number, side: number, by: number): number =>
    by === 0 || place < size - side ? 0 : place < size - by ? 1 : 2;
  const regions: number[][] = [];
  for (let top = 0; top < height; top += h)
    for (let left = 0; left < width; left += w)
      regions.push(
        Array.from({ length: h * w }, (_, k) => {
          const [y, x] = [top + Math.floor(k / w), left + (k % w)];
          return 3 * stretch(y, height, h, shift[0]) + stretch(x, width, w, shift[1]);
        }),
      );
  const visible = regions.flatMap((own) => own.flatMap((a) => own.map((b) => a === b)));
  return tensor(Uint8Array.from(visible, Number), { shape: [regions.length, 1, h * w, h * w] }).cast('bool');
}

/**
 * For each pair of tokens, the row of its bias in a table of all offsets: offset (dy, dx) has row
 * (dy + h - 1) (2w - 1) + dx + w - 1 (Liu et al. 2021, equation 4).
 *
 * @returns i32 [(h w)^2], one query after the other
 */
export function relativePositionIndex([h, w]: Window): Int32Array {
  const tokens = Array.from({ length: h * w }, (_, k) => [Math.floor(k / w), k % w] as const);
  return Int32Array.from(
    tokens.flatMap(([y, x]) => tokens.map(([v, u]) => (y - v + h - 1) * (2 * w - 1) + (x - u + w - 1))),
  );
}
