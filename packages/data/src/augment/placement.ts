/** Where the points of an image are after it was cropped, warped, mirrored and resized: for boxes and masks that follow it. */
import type { AugmentationDraw } from './options.ts';

/** The part of a draw that moves pixels. */
export type Placement = Pick<AugmentationDraw, 'box' | 'flip' | 'matrix' | 'shift'>;

/** The placement of a part of an image that is only resized. */
export const resizedOnly = (box: Placement['box']): Placement => ({ box, flip: false, matrix: null, shift: [0, 0] });

const identity = [1, 0, 0, 1] as const;

/** A point of the image, in pixels, as a point of the result, in shares of its sides; the inverse of what `warp` does. */
function placePoint({ box, flip, matrix, shift }: Placement, x: number, y: number): readonly [number, number] {
  // Without this the shares of an image that is only resized would be rounded twice.
  if (matrix === null && !flip) return [(x - box.left) / box.width, (y - box.top) / box.height];
  const [a, b, c, d] = matrix ?? identity;
  const determinant = a * d - b * c;
  const p = (x - box.left) / (box.width / 2) - 1;
  const q = (y - box.top) / (box.height / 2) - 1;
  const u = (d * p - b * q) / determinant + 2 * shift[0];
  const v = (a * q - c * p) / determinant + 2 * shift[1];
  return [((flip ? -u : u) + 1) / 2, (v + 1) / 2];
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/**
 * The smallest upright box around a box of the image, clipped to the result.
 *
 * @param box [x, y, width, height] of the image, in its pixels, from the top left corner
 * @returns [x, y, width, height] in shares of the result's sides; null where nothing of it is within the result
 */
export function placeBox(placement: Placement, box: ArrayLike<number>): [number, number, number, number] | null {
  const [x = 0, y = 0, width = 0, height = 0] = Array.from(box);
  const corners = [x, x + width].flatMap((cx) => [y, y + height].map((cy) => placePoint(placement, cx, cy)));
  const [across, down] = [corners.map(([cx]) => clamp(cx)), corners.map(([, cy]) => clamp(cy))];
  const [left, top] = [Math.min(...across), Math.min(...down)];
  const [w, h] = [Math.max(...across) - left, Math.max(...down) - top];
  return w > 0 && h > 0 ? [left, top, w, h] : null;
}

/** Class numbers in rows. */
interface ClassMap {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * The mask of the result: each pixel has the class of the mask's pixel that its center comes from, as Pillow's NEAREST.
 *
 * @param image the size of the image that was placed; the mask may have another resolution
 * @param outside the class of pixels that come from outside of the image
 * @returns size * size class numbers
 */
export function placeMask(
  { box, flip, matrix, shift }: Placement,
  mask: ClassMap,
  image: { readonly width: number; readonly height: number },
  size: number,
  outside: number,
): Uint8Array {
  const out = new Uint8Array(size * size);
  const [a, b, c, d] = matrix ?? identity;
  const [scaleX, scaleY] = [mask.width / image.width, mask.height / image.height];
  const plain = matrix === null && !flip;
  for (let j = 0, at = 0; j < size; j++) {
    const v = (2 * j + 1) / size - 1 - 2 * shift[1];
    for (let i = 0; i < size; i++, at++) {
      const u = ((2 * i + 1) / size - 1) * (flip ? -1 : 1) - 2 * shift[0];
      const px = plain ? ((i + 0.5) * box.width) / size : (box.width / 2) * (1 + a * u + b * v);
      const py = plain ? ((j + 0.5) * box.height) / size : (box.height / 2) * (1 + c * u + d * v);
      const x = Math.floor((box.left + px) * scaleX);
      const y = Math.floor((box.top + py) * scaleY);
      const isInside = x >= 0 && x < mask.width && y >= 0 && y < mask.height;
      out[at] = isInside ? (mask.data[y * mask.width + x] as number) : outside;
    }
  }
  return out;
}
