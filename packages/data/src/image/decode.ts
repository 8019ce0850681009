/** Decoding: the bytes of an image file to RGB pixels of the size that evaluation or augmentation asks for. */
import type { Sharp } from 'sharp';
import { type Box, type Fit, type Pixels, resizeBox } from '../augment/index.ts';
import { imageFormat } from './format.ts';
import { openImage } from './open.ts';
import { headerSize } from './size.ts';

/**
 * The size to which an image is decoded.
 * - `square`: the shorter side is resized to `size` pixels and the center square is cut out, as evaluation needs it.
 * - `whole`: the whole image is resized to `size` x `size` pixels, or to a height and a width, whatever its aspect ratio.
 * - `large`: the image is decoded whole. If its shorter side has at least `4 * size` pixels, it is shrunk until it has `2 * size`.
 *   Resizing a part of it starts from this.
 * - `working`: the image is shrunk, never enlarged, until its shorter side has about `size` pixels. Affine maps, which do not antialias,
 *   start from this.
 *
 * The aspect ratio is kept by `large` and `working`.
 */
export type DecodeTarget =
  | { readonly kind: 'square' | 'large' | 'working'; readonly size: number }
  | { readonly kind: 'whole'; readonly size: number | readonly [height: number, width: number] };

/**
 * Decodes an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM, PPM) to RGB. The camera's orientation tag is applied, transparent parts
 * become white, and resizing is bicubic and antialiased.
 *
 * @throws if the bytes are not a complete image, or have more pixels than can be decoded in reasonable time and memory.
 */
export async function decodeImage(bytes: Uint8Array, target: DecodeTarget): Promise<Pixels> {
  switch (target.kind) {
    case 'working':
      return decodeShrunk(bytes, openImage(bytes), target.size);
    case 'large':
      return decodeLarge(bytes, target.size);
    case 'square':
      return decodeTo(bytes, [target.size, target.size], 'center');
    case 'whole':
      return decodeTo(bytes, typeof target.size === 'number' ? [target.size, target.size] : target.size, 'whole');
    default:
      return target satisfies never;
  }
}

async function decodeTo(bytes: Uint8Array, size: readonly [height: number, width: number], fit: Fit): Promise<Pixels> {
  return resizeTo(await decodeLarge(bytes, Math.max(...size)), size, fit);
}

/** RGB pixels resized to `size` x `size` as evaluation does: the square in their center, or with `whole` all of them. */
export const resizeToSquare = (image: Pixels, size: number, fit: Fit = 'center'): Pixels =>
  resizeTo(image, [size, size], fit);

function resizeTo(image: Pixels, size: readonly [height: number, width: number], fit: Fit): Pixels {
  const [height, width] = size;
  const data = new Uint8ClampedArray(height * width * 3);
  resizeBox(image, deliveredBox(image, fit, Math.max(height, width)), size, data);
  return { data: new Uint8Array(data.buffer), width, height };
}

/** The part of an image that is delivered without augmentation. `size`: the side of a center square, in pixels. */
export const deliveredBox = (
  { width, height }: { readonly width: number; readonly height: number },
  fit: Fit,
  size: number,
): Box => (fit === 'whole' ? { left: 0, top: 0, width, height } : centerSquare(width, height, size));

/** Decoders shrink large images fast and well, so these go down to twice the size first. Others keep all their pixels. */
async function decodeLarge(bytes: Uint8Array, size: number): Promise<Pixels> {
  const image = openImage(bytes);
  const { width, height } = headerSize(bytes) ?? (await image.metadata());
  const short = Math.min(width, height);
  return decodeShrunk(bytes, image, short >= 4 * size ? 2 * size : short, short);
}

/** @param short the length of the shorter side if it is known */
async function decodeShrunk(
  bytes: Uint8Array,
  image: Sharp,
  size: number,
  short = shorterSide(bytes),
): Promise<Pixels> {
  const shrinks = short === null || short > size;
  // JPEG has no transparency, and that of PNG is faster to blend here.
  const format = imageFormat(bytes);
  const opaque = format === 'jpeg' || (format === 'png' && !shrinks);
  const sized = shrinks
    ? image.resize({ width: size, height: size, fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
    : image;
  const { data, info } = await (opaque ? sized : sized.flatten({ background: '#ffffff' }))
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 3 && channels !== 4)
    throw new Error(`the decoded image has ${channels} channels; 3 or 4 were expected`);
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data: channels === 3 ? pixels : onWhite(pixels), width, height };
}

/** The shorter side of a PNG or JPEG; null for other files. */
function shorterSide(bytes: Uint8Array): number | null {
  const size = headerSize(bytes);
  return size && Math.min(size.width, size.height);
}

/**
 * Blends RGBA pixels with a white background and returns RGB, with the same bits as libvips' `flatten`, which takes as long as decoding a
 * small PNG. Use it only for images that are not shrunk afterwards.
 */
function onWhite(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] as number;
    const white = 255 * (255 - alpha);
    rgb[to] = ((rgba[from] as number) * alpha + white) / 255;
    rgb[to + 1] = ((rgba[from + 1] as number) * alpha + white) / 255;
    rgb[to + 2] = ((rgba[from + 2] as number) * alpha + white) / 255;
  }
  return rgb;
}

/**
 * The part of an image that remains after its shorter side is resized to `size` and the center is cropped, with torchvision's
 * rounding: the longer side is rounded down to whole pixels, and the crop starts at a whole pixel (halves round to even).
 */
function centerSquare(width: number, height: number, size: number): Box {
  const short = Math.min(width, height);
  const across = (length: number): { start: number; extent: number } => {
    if (length === short) return { start: 0, extent: length };
    const resized = Math.floor((size * length) / short);
    const offset = roundHalfToEven((resized - size) / 2);
    return { start: (offset * length) / resized, extent: (size * length) / resized };
  };
  const [x, y] = [across(width), across(height)];
  return { left: x.start, top: y.start, width: x.extent, height: y.extent };
}

const roundHalfToEven = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
