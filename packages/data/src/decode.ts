import sharp from 'sharp';
import { type Box, type Pixels, resizeBox } from './augment/index.ts';

// One image takes one thread: there are many images, and most cores belong to the training.
sharp.concurrency(1);
// Every image is decoded once; a cache of libvips' own would only take memory.
sharp.cache(false);

/**
 * To which size an image is decoded.
 * - `square`: the shorter side to `size` pixels, then the centre square: what evaluation sees.
 * - `working`: shrunk, never enlarged, until the shorter side has about `size` pixels, aspect kept: what augmentation starts from.
 */
export interface DecodeTarget {
  kind: 'square' | 'working';
  size: number;
}

/**
 * Decodes an encoded image (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG) to RGB. The orientation that a camera noted is applied;
 * transparent parts show white; resizing is bicubic and antialiased.
 *
 * @throws if the bytes are not a whole image.
 */
export async function decodeImage(bytes: Uint8Array, target: DecodeTarget): Promise<Pixels> {
  const { size } = target;
  if (target.kind === 'working') return decodeShrunk(bytes, size);
  // Large images come down to twice the size first, which decoders do well and fast; the rest is exact.
  const image = await decodeShrunk(bytes, 2 * size);
  const data = new Uint8ClampedArray(size * size * 3);
  resizeBox(image, centreSquare(image.width, image.height, size), size, data);
  return { data: new Uint8Array(data.buffer), width: size, height: size };
}

async function decodeShrunk(bytes: Uint8Array, size: number): Promise<Pixels> {
  const whole = sharp(bytes, { failOn: 'error' }).autoOrient();
  const { data, info } = await (isSmallPng(bytes, size) ? whole : whole.flatten({ background: '#ffffff' }))
    .resize({ width: size, height: size, fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 3 && channels !== 4)
    throw new Error(`${channels} channels after decoding, where 3 or 4 were expected`);
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data: channels === 3 ? pixels : onWhite(pixels), width, height };
}

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether the bytes are a PNG whose shorter side has at most `size` pixels, by its header. */
function isSmallPng(bytes: Uint8Array, size: number): boolean {
  if (bytes.byteLength < 24 || pngSignature.some((byte, k) => bytes[k] !== byte)) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  return Math.min(header.getUint32(16), header.getUint32(20)) <= size;
}

/**
 * RGBA pixels in front of white, as RGB, to the same bits as libvips' `flatten`, which takes as long as decoding a small PNG. Only for
 * what is not shrunk after it.
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
 * The part of an image that shows after its shorter side was resized to `size` and the centre cropped, with torchvision's
 * rounding: the longer side is cut to whole pixels, the crop starts at a whole pixel (halves to even).
 */
function centreSquare(width: number, height: number, size: number): Box {
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
