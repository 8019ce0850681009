/** Reading of a pickle's numbers, strings and bytes, with bounds checks. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a pickle's bytes in order. Reading past the end is an error. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** A length of 8 bytes. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A double. Unlike all other numbers it is big-endian. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  text(length: number): string {
    const start = this.position;
    const bytes = this.bytes(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new Error(`byte ${start}: a string is not UTF-8`);
    }
  }

  /** The text up to the next line feed, which is skipped. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new Error(`byte ${this.position}: the data ends within a line`);
    const text = this.text(end - this.position);
    this.position++;
    return text;
  }

  /** An integer in two's complement. */
  integer(length: number): number | bigint {
    const unsigned = this.bytes(length).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    const value = BigInt.asIntN(8 * length, unsigned);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #advance(length: number): number {
    const start = this.position;
    if (length > this.#bytes.byteLength - start)
      throw new Error(
        `byte ${start}: ${length} more bytes are needed, but only ${this.#bytes.byteLength - start} are left: the data is truncated or damaged`,
      );
    this.position = start + length;
    return start;
  }
}
