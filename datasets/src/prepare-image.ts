/** Checking of image files before they are stored, and resizing of large ones. */
import { imageFormat, openImage } from '@tessera/data';
import { checkDecodes, undecodable } from '@tessera/data/folder';

/** The number of images that are read and decoded at the same time. */
export const imagesAtOnce = 4;

/** The shorter side of an SVG in pixels, unless `maxSize` is given. */
const drawingSize = 256;

/**
 * The bytes to store, or why the image cannot be used. Every image is decoded once, as in training.
 *
 * @param maxSize larger images are resized to this length of the shorter side, in pixels; undefined: images are stored unchanged
 */
export async function prepareImage(
  read: () => Promise<Uint8Array>,
  maxSize: number | undefined,
): Promise<Uint8Array | string> {
  try {
    const bytes = await read();
    const format = imageFormat(bytes);
    const isDrawing = format === 'svg';
    const image = openImage(bytes);
    const { width, height } = await image.metadata();
    if (!isDrawing && (maxSize === undefined || Math.min(width, height) <= maxSize)) {
      await checkDecodes(bytes);
      return bytes;
    }
    const size = maxSize ?? drawingSize;
    const smaller = image.resize({ width: size, height: size, fit: 'outside', withoutEnlargement: !isDrawing });
    return await (format === 'jpeg'
      ? smaller.jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
      : smaller.png()
    ).toBuffer();
  } catch (error) {
    return undecodable(error);
  }
}
