/** Checking of image files before they are stored, and resizing of large ones. */
import { imageFormat, imageSize, openImage } from '@tessera/data';
import { checkDecodes, undecodable } from '@tessera/data/folder';

/** The number of images that are read and decoded at the same time. */
export const imagesAtOnce = 4;

/** The shorter side of an SVG in pixels, unless `maxSize` is given. */
const drawingSize = 256;

/** Width and height in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** An image as it is stored. */
export interface PreparedImage {
  readonly bytes: Uint8Array;
  /** Its size before it was resized. */
  readonly original: PixelSize;
  readonly stored: PixelSize;
}

export interface PrepareOptions {
  /** Larger images are resized to this length of the shorter side, in pixels. Default: images are stored unchanged. */
  readonly maxSize?: number | undefined;
  /**
   * The size for which boxes or masks were made. It tells whether they are for the image turned by the camera's orientation tag: where
   * they are not, the image is stored unturned and without the tag.
   */
  readonly annotated?: PixelSize | undefined;
}

const isSame = (a: PixelSize, b: PixelSize): boolean => a.width === b.width && a.height === b.height;
const sizeText = ({ width, height }: PixelSize): string => `${width} x ${height}`;

/** The image to store, or why it cannot be used. Every image is decoded once, as in training. */
export async function prepareImage(
  read: () => Promise<Uint8Array>,
  { maxSize, annotated }: PrepareOptions = {},
): Promise<PreparedImage | string> {
  try {
    const bytes = await read();
    const format = imageFormat(bytes);
    const isDrawing = format === 'svg';
    const { stored: unturned, upright: turned } = await imageSize(bytes);
    const hasTag = ((await openImage(bytes).metadata()).orientation ?? 1) !== 1;
    const upright = !(hasTag && annotated !== undefined && isSame(annotated, unturned));
    const original = upright ? turned : unturned;
    if (annotated !== undefined && !isSame(annotated, original))
      return `has ${sizeText(original)} pixels, but its annotations are for ${sizeText(annotated)}`;
    const isSmall = maxSize === undefined || Math.min(original.width, original.height) <= maxSize;
    if (!isDrawing && isSmall && upright) {
      await checkDecodes(bytes);
      return { bytes, original, stored: original };
    }
    const image = openImage(bytes, { upright });
    const size = maxSize ?? drawingSize;
    const smaller =
      isSmall && !isDrawing
        ? image
        : image.resize({ width: size, height: size, fit: 'outside', withoutEnlargement: !isDrawing });
    const encoded = await (format === 'jpeg' && !isSmall
      ? smaller.jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
      : smaller.png()
    ).toBuffer({ resolveWithObject: true });
    return { bytes: encoded.data, original, stored: { width: encoded.info.width, height: encoded.info.height } };
  } catch (error) {
    return undecodable(error);
  }
}
