/**
 * Decoding of BMP files. Source: Microsoft, "Bitmap Storage" and the structures BITMAPCOREHEADER, BITMAPINFOHEADER and BITMAPV5HEADER.
 *
 * A row is stored from the bottom unless the height is negative, and fills whole groups of 4 bytes. Pixels are numbers of a palette (1, 4 or
 * 8 bits), or hold the colors themselves (16, 24 or 32 bits; masks say which bits).
 */
import { checkSize, type RawImage } from './raw.ts';

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d && bytes.byteLength >= 26;

const compressions = { none: 0, rle8: 1, rle4: 2, bitFields: 3, alphaBitFields: 6 } as const;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  readonly paletteStart: number;
  /** Bytes of an entry of the palette: 3 in the oldest form, else 4. */
  readonly paletteEntry: number;
  readonly paletteSize: number;
  readonly pixelStart: number;
  /** Bits of red, green, blue and alpha within a pixel. */
  readonly masks: readonly [number, number, number, number];
}

const coreHeader = 12;
const infoHeader = 40;

function readHeader(view: DataView): Header {
  const pixelStart = view.getUint32(10, true);
  const size = view.getUint32(14, true);
  if (size === coreHeader) {
    const bits = view.getUint16(24, true);
    return {
      width: view.getUint16(18, true),
      height: view.getUint16(20, true),
      topDown: false,
      bits,
      compression: compressions.none,
      paletteStart: 14 + coreHeader,
      paletteEntry: 3,
      paletteSize: bits <= 8 ? 2 ** bits : 0,
      pixelStart,
      masks: standardMasks(bits),
    };
  }
  if (size < infoHeader) throw new Error(`a BMP header of ${size} bytes is not known`);
  const signedHeight = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const used = view.getUint32(46, true);
  const hasMasks = compression === compressions.bitFields || compression === compressions.alphaBitFields;
  // The header's own masks, or those between header and palette, are at the same place.
  const alphaMask = size >= 56 || compression === compressions.alphaBitFields ? view.getUint32(66, true) : 0;
  const masksAfter = !hasMasks || size > infoHeader ? 0 : compression === compressions.alphaBitFields ? 16 : 12;
  return {
    width: view.getInt32(18, true),
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    compression,
    paletteStart: 14 + size + masksAfter,
    paletteEntry: 4,
    paletteSize: bits > 8 ? 0 : used === 0 ? 2 ** bits : Math.min(used, 2 ** bits),
    pixelStart,
    masks: hasMasks
      ? [view.getUint32(54, true), view.getUint32(58, true), view.getUint32(62, true), alphaMask]
      : standardMasks(bits),
  };
}

/** The masks of a file that has none. The fourth byte of 32 bits is not used. */
const standardMasks = (bits: number): Header['masks'] =>
  bits === 16 ? [0x7c00, 0x03e0, 0x001f, 0] : [0xff0000, 0x00ff00, 0x0000ff, 0];

/**
 * Decodes a BMP file.
 *
 * @throws where the file is cut off, has a form that is not known, or more pixels than `pixelLimit`
 */
export function decodeBmp(bytes: Uint8Array): RawImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const header = readHeader(view);
    checkSize(header.width, header.height);
    return header.bits <= 8 ? decodePalette(bytes, header) : decodeColors(view, header);
  } catch (cause) {
    if (cause instanceof RangeError) throw new Error('the BMP file is cut off', { cause });
    throw cause;
  }
}

const rowBytes = ({ width, bits }: Header): number => Math.ceil((width * bits) / 32) * 4;

/** The row of the image, from the top, that the stored row `k` holds. */
const rowAt = ({ topDown, height }: Header, k: number): number => (topDown ? k : height - 1 - k);

function decodeColors(view: DataView, header: Header): RawImage {
  const { width, height, bits, compression, pixelStart, masks } = header;
  const known: readonly number[] = [compressions.none, compressions.bitFields, compressions.alphaBitFields];
  if (!known.includes(compression) || ![16, 24, 32].includes(bits))
    throw new Error(`a BMP file with ${bits} bits a pixel and compression ${compression} is not supported`);
  const channels = masks[3] === 0 ? 3 : 4;
  const data = new Uint8Array(width * height * channels);
  const read = masks.slice(0, channels).map(channelReader);
  const step = bits / 8;
  for (let k = 0; k < height; k++) {
    let from = pixelStart + k * rowBytes(header);
    let to = rowAt(header, k) * width * channels;
    for (let x = 0; x < width; x++, from += step) {
      const pixel =
        step === 2
          ? view.getUint16(from, true)
          : step === 4
            ? view.getUint32(from, true)
            : view.getUint16(from, true) | (view.getUint8(from + 2) << 16);
      for (const channel of read) data[to++] = channel(pixel);
    }
  }
  return { data, width, height, channels };
}

/** Reads the bits of a mask as a number from 0 to 255. */
function channelReader(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const largest = mask >>> shift;
  if (largest === 255) return (pixel) => (pixel & mask) >>> shift;
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / largest);
}

function decodePalette(bytes: Uint8Array, header: Header): RawImage {
  const { width, height, paletteStart, paletteEntry, paletteSize } = header;
  const numbers = paletteNumbers(bytes, header);
  const data = new Uint8Array(width * height * 3);
  for (let k = 0; k < numbers.length; k++) {
    const number = numbers[k] as number;
    if (number >= paletteSize) throw new Error(`the BMP file has color ${number} of a palette of ${paletteSize}`);
    const entry = paletteStart + number * paletteEntry;
    data[3 * k] = byteAt(bytes, entry + 2);
    data[3 * k + 1] = byteAt(bytes, entry + 1);
    data[3 * k + 2] = byteAt(bytes, entry);
  }
  return { data, width, height, channels: 3 };
}

/** The palette's numbers of all pixels, in rows from the top. */
function paletteNumbers(bytes: Uint8Array, header: Header): Uint8Array {
  const { width, height, bits, compression, pixelStart } = header;
  if (compression === compressions.rle8 && bits === 8) return decodeRuns(bytes, header);
  if (compression === compressions.rle4 && bits === 4) return decodeRuns(bytes, header);
  if (compression !== compressions.none || ![1, 2, 4, 8].includes(bits))
    throw new Error(`a BMP file with ${bits} bits a pixel and compression ${compression} is not supported`);
  const numbers = new Uint8Array(width * height);
  const perByte = 8 / bits;
  for (let k = 0; k < height; k++) {
    const start = pixelStart + k * rowBytes(header);
    const to = rowAt(header, k) * width;
    for (let x = 0; x < width; x++) {
      const byte = byteAt(bytes, start + Math.floor(x / perByte));
      numbers[to + x] = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1);
    }
  }
  return numbers;
}

/**
 * Run lengths of 8 or 4 bits: a count and its colors; or 0 and a command: 0 ends the row, 1 the image, 2 moves, and a larger number is the
 * number of pixels that follow, filled to 2 bytes.
 */
function decodeRuns(bytes: Uint8Array, header: Header): Uint8Array {
  const { width, height, bits, pixelStart } = header;
  const numbers = new Uint8Array(width * height);
  let from = pixelStart;
  let [x, y] = [0, 0];
  const put = (number: number): void => {
    if (x < width && y < height) numbers[rowAt(header, y) * width + x] = number;
    x++;
  };
  const half = (byte: number, k: number): number => (bits === 8 ? byte : k % 2 === 0 ? byte >> 4 : byte & 15);
  while (y < height) {
    const count = byteAt(bytes, from++);
    const value = byteAt(bytes, from++);
    if (count > 0) for (let k = 0; k < count; k++) put(half(value, k));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) break;
    else if (value === 2) [x, y] = [x + byteAt(bytes, from++), y + byteAt(bytes, from++)];
    else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      for (let k = 0; k < value; k++) put(half(byteAt(bytes, from + (bits === 8 ? k : k >> 1)), k));
      from += length + (length % 2);
    }
  }
  return numbers;
}

function byteAt(bytes: Uint8Array, position: number): number {
  const byte = bytes[position];
  if (byte === undefined) throw new RangeError(`byte ${position} of ${bytes.byteLength}`);
  return byte;
}
