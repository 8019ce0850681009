/** Masks of class numbers as they are stored: PNG files of one channel, in the size of their images. */
import { decodeMask, encodePng, type Mask } from '@tessera/data';
import type { PixelSize, PreparedImage } from '../prepare-image.ts';

/** A mask in another size: each pixel has the class of the nearest one. */
function resizeMask({ data, width, height }: Mask, size: PixelSize): Mask {
  if (size.width === width && size.height === height) return { data, width, height };
  const resized = new Uint8Array(size.width * size.height);
  for (let y = 0, at = 0; y < size.height; y++) {
    const row = Math.floor(((y + 0.5) * height) / size.height) * width;
    for (let x = 0; x < size.width; x++, at++)
      resized[at] = data[row + Math.floor(((x + 0.5) * width) / size.width)] as number;
  }
  return { data: resized, ...size };
}

/** A mask of the original image as a PNG file for the stored one. */
export function storedMask(mask: Mask, { stored }: PreparedImage): Uint8Array {
  const { data, width, height } = resizeMask(mask, stored);
  return encodePng(data, width, height, 1);
}

/**
 * The file of a mask for the stored image: unchanged where the image is.
 *
 * @returns or why it cannot be used
 */
export async function storedMaskFile(bytes: Uint8Array, image: PreparedImage): Promise<Uint8Array | string> {
  const { original, stored } = image;
  try {
    const mask = await decodeMask(bytes);
    if (mask.width !== original.width || mask.height !== original.height)
      return `has ${mask.width} x ${mask.height} pixels, but its image ${original.width} x ${original.height}`;
    return original.width === stored.width && original.height === stored.height ? bytes : storedMask(mask, image);
  } catch (error) {
    return `cannot be decoded (${(error as Error).message})`;
  }
}
