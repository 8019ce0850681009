/** Maps of one number for each patch, drawn over the image. */
import type { Pixels } from '@tessera/data';
import { elementAt } from '../element-at.ts';
import { colorOf } from './color-map.ts';

/** One number for each patch of an image. */
export interface PatchMap {
  readonly rows: number;
  readonly columns: number;
  /** Row-major [rows, columns]. */
  readonly values: Float32Array;
}

/** The mean of maps of one size. */
export function meanMap(maps: readonly PatchMap[]): PatchMap {
  const { rows, columns } = elementAt(maps, 0);
  const values = new Float32Array(rows * columns);
  for (const map of maps)
    for (const [k, value] of map.values.entries()) values[k] = elementAt(values, k) + value / maps.length;
  return { rows, columns, values };
}

/** The position of pixel `at` of `size` relative to the centers of `count` patches: the two nearest, and the share of the second. */
function between(at: number, size: number, count: number): [first: number, second: number, share: number] {
  const place = Math.min(count - 1, Math.max(0, ((at + 0.5) * count) / size - 0.5));
  const first = Math.floor(place);
  return [first, Math.min(first + 1, count - 1), place - first];
}

/** A map at [height, width] pixels, bilinear between the centers of the patches, as PyTorch's interpolate without aligned corners. */
export function enlarge({ rows, columns, values }: PatchMap, height: number, width: number): Float32Array {
  const large = new Float32Array(height * width);
  const across = Array.from({ length: width }, (_, x) => between(x, width, columns));
  for (let y = 0; y < height; y++) {
    const [top, bottom, down] = between(y, height, rows);
    for (const [x, [left, right, share]] of across.entries()) {
      const row = (k: number): number =>
        (1 - share) * elementAt(values, k * columns + left) + share * elementAt(values, k * columns + right);
      large[y * width + x] = (1 - down) * row(top) + down * row(bottom);
    }
  }
  return large;
}

/** The share of the color in a pixel of the overlay; the rest is the image. */
const opacity = 0.66;

/**
 * The image with the map over it in colors: the map's smallest value is dark, its largest bright. If the two differ by less than the map's
 * mean, the largest value is less bright, so that a map that hardly varies also looks that way.
 */
export function overlay({ data, width, height }: Pixels, map: PatchMap): Pixels {
  const low = Math.min(...map.values);
  const mean = map.values.reduce((sum, value) => sum + value, 0) / map.values.length;
  const range = Math.max(Math.max(...map.values) - low, mean) || 1;
  const large = enlarge(map, height, width);
  const out = new Uint8Array(data.length);
  for (const [k, value] of large.entries())
    for (const [channel, part] of colorOf((value - low) / range).entries())
      out[3 * k + channel] = Math.round((1 - opacity) * elementAt(data, 3 * k + channel) + opacity * part);
  return { data: out, width, height };
}
