/** Images without compression that libvips does not read: the pixels as bytes, for sharp. */

/** Pixels in rows from the top, each of 3 (RGB) or 4 (RGBA) bytes. */
export interface RawImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** The largest number of pixels that an image may have: the limit of Pillow, which PyTorch's data sets open images with. */
export const pixelLimit = 178_956_970;

/** The largest width or height in pixels: that of JPEG. A longer strip costs time out of proportion. */
const sideLimit = 65_535;

/** @throws where an image is too large to decode, or empty */
export function checkSize(width: number, height: number): void {
  if (!(width >= 1 && height >= 1)) throw new Error(`the image has ${width} x ${height} pixels`);
  if (width > sideLimit || height > sideLimit)
    throw new Error(`the image has ${width} x ${height} pixels; a side may have at most ${sideLimit}`);
  if (width * height > pixelLimit)
    throw new Error(`the image has ${width} x ${height} pixels; at most ${pixelLimit} are decoded`);
}
