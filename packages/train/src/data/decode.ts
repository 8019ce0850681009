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
  const { data, info } = await sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .resize({ width: size, height: size, fit: 'outside', withoutEnlargement: true, kernel: 'cubic' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} channels after decoding, where 3 were expected`);
  return {
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    width: info.width,
    height: info.height,
  };
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
