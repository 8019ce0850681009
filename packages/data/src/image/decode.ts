/** Decoding: the bytes of an image file to RGB pixels of the size that evaluation or augmentation asks for. */
import { type Box, type Fit, type Pixels, resizeBox } from '../augment/index.ts';
import { openImage, pngSize } from './open.ts';

/**
 * The size to which an image is decoded.
 * - `square`: the shorter side is resized to `size` pixels and the center square is cut out, as evaluation needs it.
 * - `whole`: the whole image is resized to `size` x `size` pixels, whatever its aspect ratio.
 * - `working`: the image is shrunk, never enlarged, until its shorter side has about `size` pixels. The aspect ratio is kept.
 *   Augmentation starts from this.
 */
export interface DecodeTarget {
  kind: 'square' | 'whole' | 'working';
  size: number;
}

/**
 * Decodes an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM, PPM) to RGB. The camera's orientation tag is applied, transparent parts
 * become white, and resizing is bicubic and antialiased.
 *
 * @throws if the bytes are not a complete image, or have more pixels than can be decoded in reasonable time and memory.
 */
export async function decodeImage(bytes: Uint8Array, target: DecodeTarget): Promise<Pixels> {
  const { size } = target;
  if (target.kind === 'working') return decodeShrunk(bytes, size);
  // Decoders shrink large images fast and well, so they go down to twice the size first; the rest is resized exactly.
  const image = await decodeShrunk(bytes, 2 * size);
  const data = new Uint8ClampedArray(size * size * 3);
  resizeBox(image, deliveredBox(image, target.kind === 'whole' ? 'whole' : 'center', size), size, data);
  return { data: new Uint8Array(data.buffer), width: size, height: size };
}

/** The part of an image that is delivered without augmentation. */
export const deliveredBox = (
  { width, height }: { readonly width: number; readonly height: number },
  fit: Fit,
  size: number,
): Box => (fit === 'whole' ? { left: 0, top: 0, width, height } : centerSquare(width, height, size));

async function decodeShrunk(bytes: Uint8Array, size: number): Promise<Pixels> {
  const whole = openImage(bytes);
  const { data, info } = await (isSmallPng(bytes, size) ? whole : whole.flatten({ background: '#ffffff' }))
    .resize({ width: size, height: size, fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 3 && channels !== 4)
    throw new Error(`the decoded image has ${channels} channels; 3 or 4 were expected`);
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data: channels === 3 ? pixels : onWhite(pixels), width, height };
}

/** Whether the bytes begin with the header of a PNG whose shorter side has at most `size` pixels. */
function isSmallPng(bytes: Uint8Array, size: number): boolean {
  const png = pngSize(bytes);
  return png !== null && Math.min(png.width, png.height) <= size;
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
