import type { Pixels } from '@tessera/data';
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
  const [{ rows, columns }] = maps;
  const values = new Float32Array(rows * columns);
  for (const map of maps) for (const [k, value] of map.values.entries()) values[k] += value / maps.length;
  return { rows, columns, values };
}

/** Where the pixel `at` of `size` lies between the centres of `count` patches: the two nearest, and the share of the second. */
function between(at: number, size: number, count: number): [first: number, second: number, share: number] {
  const place = Math.min(count - 1, Math.max(0, ((at + 0.5) * count) / size - 0.5));
  const first = Math.floor(place);
  return [first, Math.min(first + 1, count - 1), place - first];
}

/** A map at [height, width] pixels, bilinear between the patches' centres, as PyTorch's interpolate without aligned corners. */
export function enlarge({ rows, columns, values }: PatchMap, height: number, width: number): Float32Array {
  const large = new Float32Array(height * width);
  const across = Array.from({ length: width }, (_, x) => between(x, width, columns));
  for (let y = 0; y < height; y++) {
    const [top, bottom, down] = between(y, height, rows);
    for (const [x, [left, right, share]] of across.entries()) {
      const row = (k: number): number => (1 - share) * values[k * columns + left] + share * values[k * columns + right];
      large[y * width + x] = (1 - down) * row(top) + down * row(bottom);
    }
  }
  return large;
}

/** How much of a pixel the colour takes. */
const opacity = 0.66;

/**
 * The image with the map over it in colours: the map's smallest value dark, its largest bright. Where the two are closer than the map's
 * mean, the colours end before the brightest: what hardly differs from patch to patch looks so.
 */
export function overlay({ data, width, height }: Pixels, map: PatchMap): Pixels {
  const low = Math.min(...map.values);
  const mean = map.values.reduce((sum, value) => sum + value, 0) / map.values.length;
  const range = Math.max(Math.max(...map.values) - low, mean) || 1;
  const large = enlarge(map, height, width);
  const out = new Uint8Array(data.length);
  for (const [k, value] of large.entries())
    for (const [channel, part] of colorOf((value - low) / range).entries())
      out[3 * k + channel] = Math.round((1 - opacity) * data[3 * k + channel] + opacity * part);
  return { data: out, width, height };
}
