/** Opening of image files: which format the bytes have, and a limited pipeline of sharp that reads them. */
import sharp, { type Sharp } from 'sharp';
import { decodeBmp, isBmp } from './bmp.ts';
import { decodeNetpbm, isNetpbm } from './netpbm.ts';
import { checkSize, pixelLimit, type RawImage } from './raw.ts';
import { pngSize } from './size.ts';

// One thread per image: there are many images to decode, and training needs most of the cores.
sharp.concurrency(1);
// Every image is decoded once, so a cache inside libvips would only use memory.
sharp.cache(false);

/** Seconds after which decoding stops. Only an image that was made to be slow takes so long. */
const timeLimit = 30;

/** Formats that libvips does not read. */
const ownDecoders: readonly { matches(bytes: Uint8Array): boolean; decode(bytes: Uint8Array): RawImage }[] = [
  { matches: isBmp, decode: decodeBmp },
  { matches: isNetpbm, decode: decodeNetpbm },
];

/**
 * A pipeline of sharp that reads an image file, turned upright by the camera's orientation tag. A file that is not complete is an error.
 *
 * @param upright false: the orientation tag is not applied
 * @throws where the image has more pixels than can be decoded in reasonable time and memory
 */
export function openImage(bytes: Uint8Array, { upright = true }: { readonly upright?: boolean } = {}): Sharp {
  const own = ownDecoders.find(({ matches }) => matches(bytes));
  if (own !== undefined) {
    const { data, width, height, channels } = own.decode(bytes);
    return sharp(data, { raw: { width, height, channels } });
  }
  const size = pngSize(bytes);
  if (size !== null) checkSize(size.width, size.height);
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: pixelLimit }).timeout({ seconds: timeLimit });
  return upright ? image.autoOrient() : image;
}

/** Width and height of an image in pixels: as it is stored, and turned upright by the camera's orientation tag. */
export interface ImageSize {
  readonly stored: { readonly width: number; readonly height: number };
  readonly upright: { readonly width: number; readonly height: number };
}

/** The size of an image, from its header. @throws if the bytes are not an image */
export async function imageSize(bytes: Uint8Array): Promise<ImageSize> {
  const { width, height, autoOrient } = await openImage(bytes).metadata();
  return { stored: { width, height }, upright: autoOrient ?? { width, height } };
}
