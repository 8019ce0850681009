/** Decoding of masks: images whose pixels are class numbers. */
import { decode } from 'fast-png';
import { openImage } from './open.ts';
import { checkSize } from './raw.ts';
import { pngSize } from './size.ts';

/** A class number for each pixel, row by row, one byte each. */
export interface Mask {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The class number of pixels that do not count, as in the masks of Pascal VOC, Cityscapes and ADE20K. */
export const ignoredClass = 255;

/**
 * Decodes a mask. Of a PNG with a palette, the class numbers are the palette's indices, as Pillow reads it (mode P); of a gray image they
 * are its values. An orientation tag is not applied.
 *
 * @throws if the bytes are not a complete image, and for images of several channels or of more than 8 bits
 */
export async function decodeMask(bytes: Uint8Array): Promise<Mask> {
  return pngSize(bytes) === null ? decodeGray(bytes) : decodePngMask(bytes);
}

/** libvips replaces the indices of a palette by their colors, so PNG files are read by another library. */
function decodePngMask(bytes: Uint8Array): Mask {
  const size = pngSize(bytes);
  if (size !== null) checkSize(size.width, size.height);
  const { width, height, channels, depth, data } = decode(bytes);
  if (depth > 8) throw new Error(`the mask has ${depth} bits for each pixel; class numbers have at most 8`);
  const whole = depth === 8 ? Uint8Array.from(data) : unpackBits(data, width, height, depth);
  return { data: onlyChannel(whole, channels), width, height };
}

/** Pixels of less than a byte: rows begin at whole bytes, the first pixel is in the highest bits. */
function unpackBits(packed: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const each = 8 / depth;
  const largest = 2 ** depth - 1;
  return Uint8Array.from({ length: width * height }, (_, at) => {
    const [y, x] = [Math.floor(at / width), at % width];
    const byte = packed[y * rowBytes + Math.floor(x / each)] ?? 0;
    return (byte >> (8 - depth * ((x % each) + 1))) & largest;
  });
}

async function decodeGray(bytes: Uint8Array): Promise<Mask> {
  const { data, info } = await openImage(bytes, { upright: false })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data: onlyChannel(data, info.channels), width: info.width, height: info.height };
}

/** The first of channels that are all the same. @throws where they differ, as in colored masks */
function onlyChannel(data: Uint8Array, channels: number): Uint8Array {
  const first = new Uint8Array(data.length / channels);
  for (let at = 0; at < first.length; at++) {
    first[at] = data[at * channels] as number;
    for (let k = 1; k < channels; k++)
      if (data[at * channels + k] !== first[at])
        throw new Error(
          `the mask has ${channels} different channels; expected one with class numbers, in gray or with a palette`,
        );
  }
  return first;
}
