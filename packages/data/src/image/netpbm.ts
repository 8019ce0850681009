/**
 * Decoding of PBM, PGM and PPM files. Source: the manual pages pbm(5), pgm(5) and ppm(5) of Netpbm.
 *
 * A file begins with P1 to P6, then width, height and, except for bits, the largest value, as decimal numbers with white space and comments
 * between them. P1 to P3 continue with numbers, P4 with packed bits (1 is black), P5 and P6 with bytes, or pairs of them above 255.
 */
import { checkSize, type RawImage } from './raw.ts';

export const isNetpbm = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x50 && (bytes[1] ?? 0) >= 0x31 && (bytes[1] ?? 0) <= 0x36 && isSpace(bytes[2] ?? 0);

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isDigit = (byte: number | undefined): byte is number => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/**
 * Decodes a PBM, PGM or PPM file; of several images in a file, the first.
 *
 * @throws where the file is cut off or malformed, or has more pixels than `pixelLimit`
 */
export function decodeNetpbm(bytes: Uint8Array): RawImage {
  const kind = (bytes[1] as number) - 0x30;
  const header = new Numbers(bytes, 2);
  const [width, height] = [header.next(), header.next()];
  const isBits = kind === 1 || kind === 4;
  const largest = isBits ? 1 : header.next();
  if (largest < 1 || largest > 65_535) throw new Error(`the largest value is ${largest}; expected 1 to 65535`);
  checkSize(width, height);
  const samples = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * samples;
  const values =
    kind === 4
      ? packedBits(bytes, header.position + 1, width, height)
      : kind >= 5
        ? binary(bytes, header.position + 1, count, largest)
        : plain(header, count, isBits);
  const data = new Uint8Array(width * height * 3);
  for (let k = 0; k < data.length; k++) {
    const value = values[samples === 3 ? k : Math.floor(k / 3)] as number;
    if (value > largest) throw new Error(`the value ${value} is above the largest, ${largest}`);
    data[k] = largest === 255 ? value : Math.round(((isBits ? 1 - value : value) * 255) / largest);
  }
  return { data, width, height, channels: 3 };
}

/** Reads decimal numbers one after the other. */
class Numbers {
  readonly #bytes: Uint8Array;
  /** The position after the last number. */
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  next(): number {
    this.#skip();
    if (!isDigit(this.#bytes[this.position])) throw new Error(`a number was expected at byte ${this.position}`);
    let value = 0;
    for (let byte = this.#bytes[this.position]; isDigit(byte); byte = this.#bytes[++this.position])
      value = value * 10 + byte - 0x30;
    return value;
  }

  /** A single digit: the pixels of P1 need no space between them. */
  bit(): number {
    this.#skip();
    const byte = this.#bytes[this.position++];
    if (byte !== 0x30 && byte !== 0x31) throw new Error(`0 or 1 was expected at byte ${this.position - 1}`);
    return byte - 0x30;
  }

  #skip(): void {
    for (;;) {
      const byte = this.#bytes[this.position];
      if (byte === 0x23) {
        const end = this.#bytes.indexOf(0x0a, this.position);
        this.position = end === -1 ? this.#bytes.length : end + 1;
      } else if (byte !== undefined && isSpace(byte)) this.position++;
      else return;
    }
  }
}

function plain(numbers: Numbers, count: number, isBits: boolean): Uint16Array {
  const values = new Uint16Array(count);
  for (let k = 0; k < count; k++) values[k] = isBits ? numbers.bit() : numbers.next();
  return values;
}

function packedBits(bytes: Uint8Array, start: number, width: number, height: number): Uint8Array {
  const row = Math.ceil(width / 8);
  checkLength(bytes, start, row * height);
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      values[y * width + x] = ((bytes[start + y * row + (x >> 3)] as number) >> (7 - (x & 7))) & 1;
  return values;
}

function binary(bytes: Uint8Array, start: number, count: number, largest: number): Uint8Array | Uint16Array {
  checkLength(bytes, start, largest > 255 ? 2 * count : count);
  if (largest <= 255) return bytes.subarray(start, start + count);
  return Uint16Array.from(
    { length: count },
    (_, k) => ((bytes[start + 2 * k] as number) << 8) | (bytes[start + 2 * k + 1] as number),
  );
}

function checkLength(bytes: Uint8Array, start: number, length: number): void {
  if (bytes.byteLength < start + length)
    throw new Error(`the file is cut off: it has ${bytes.byteLength} bytes; ${start + length} were expected`);
}
