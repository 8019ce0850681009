/** Drawing on pixels for the examples of reports: boxes, colors of classes, enlarged pictures, and pictures side by side. */
import type { Color } from '@tessera/data';

/** RGB pixels from 0 to 255, u8 [height, width, 3]. */
export interface Picture {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Edges of a box in pixels: the first row and column that belong to it, and the first that do not. */
export interface Edges {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

const white: Color = [255, 255, 255];
export const gray: Color = [128, 128, 128];
export const green: Color = [60, 200, 90];
export const orange: Color = [255, 140, 0];

/** A picture of one color. */
export function plainPicture(height: number, width: number, [red, green, blue]: Color): Picture {
  const pixels = new Uint8Array(height * width * 3);
  for (let at = 0; at < pixels.length; at += 3) {
    pixels[at] = red;
    pixels[at + 1] = green;
    pixels[at + 2] = blue;
  }
  return { pixels, height, width };
}

/** Copies a picture into a larger one, at whole pixels. It must fit. */
export function paste(onto: Picture, { pixels, height, width }: Picture, top: number, left: number): void {
  if (top < 0 || left < 0 || top + height > onto.height || left + width > onto.width)
    throw new RangeError(
      `paste: a picture of ${height} x ${width} at row ${top}, column ${left} does not fit into ${onto.height} x ${onto.width}`,
    );
  const bytes = width * 3;
  for (let y = 0; y < height; y++)
    onto.pixels.set(pixels.subarray(y * bytes, (y + 1) * bytes), ((top + y) * onto.width + left) * 3);
}

/** Each pixel as a square of `factor` x `factor` pixels. */
export function enlarge({ pixels, height, width }: Picture, factor: number): Picture {
  const large = plainPicture(height * factor, width * factor, white);
  for (let y = 0; y < large.height; y++)
    for (let x = 0; x < large.width; x++) {
      const from = (Math.floor(y / factor) * width + Math.floor(x / factor)) * 3;
      large.pixels.set(pixels.subarray(from, from + 3), (y * large.width + x) * 3);
    }
  return large;
}

/**
 * Pictures of one height from left to right, separated by a column of white. More white at the right end separates them from the pictures
 * that follow in a sheet.
 */
export function sideBySide(pictures: readonly Picture[]): Picture {
  const gap = 1;
  const margin = 6;
  const height = Math.max(...pictures.map((picture) => picture.height));
  const width = pictures.reduce((sum, picture) => sum + picture.width + gap, margin);
  const joined = plainPicture(height, width, white);
  let left = 0;
  for (const picture of pictures) {
    paste(joined, picture, 0, left);
    left += picture.width + gap;
  }
  return joined;
}

/** The picture with the outline of a box, one pixel wide. Parts outside of the picture are ignored. */
export function drawBox(picture: Picture, { top, left, bottom, right }: Edges, color: Color): Picture {
  const { height, width } = picture;
  const pixels = picture.pixels.slice();
  const dot = (y: number, x: number): void => {
    if (y >= 0 && y < height && x >= 0 && x < width) pixels.set(color, (y * width + x) * 3);
  };
  const [x0, y0, x1, y1] = [Math.round(left), Math.round(top), Math.round(right) - 1, Math.round(bottom) - 1];
  for (let x = x0; x <= x1; x++) for (const y of [y0, y1]) dot(y, x);
  for (let y = y0; y <= y1; y++) for (const x of [x0, x1]) dot(y, x);
  return { pixels, height, width };
}

/** The step between hues, as a share of the circle: with the golden ratio, any number of hues from the first on are far apart. */
const hueStep = 0.6180339887498949;

/** A bright color for each class, from 0 on. */
export function classColor(index: number): Color {
  const hue = 6 * ((index * hueStep) % 1);
  const channel = (offset: number): number => {
    const k = (offset + hue) % 6;
    return Math.round(255 * (1 - 0.8 * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

/** The color of a class in a mask: black for the background, class 0, and `classColor(class - 1)` for the others. */
export const maskColor = (label: number): Color => (label === 0 ? [0, 0, 0] : classColor(label - 1));

/**
 * A class for each pixel, row by row, as colors: see `maskColor`.
 *
 * @param ignored the class of pixels that do not count, which are gray
 */
export function classPicture(classes: ArrayLike<number>, height: number, width: number, ignored = -1): Picture {
  const picture = plainPicture(height, width, [0, 0, 0]);
  for (const [at, index] of Array.from(classes).entries())
    if (index > 0) picture.pixels.set(index === ignored ? gray : maskColor(index), at * 3);
  return picture;
}
