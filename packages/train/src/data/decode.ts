import sharp from 'sharp';
import type { Pixels } from './augment/index.ts';

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
  const { data, info } = await sharp(bytes, { failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .resize({
      width: target.size,
      height: target.size,
      kernel: 'cubic',
      ...(target.kind === 'square' ? { fit: 'cover' } : { fit: 'outside', withoutEnlargement: true }),
    })
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
