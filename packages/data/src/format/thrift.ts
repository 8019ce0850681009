/** Reads Thrift's compact protocol, in which Parquet writes its footers: what is needed is read, all else is passed over. */

/** The types of elements (github.com/apache/thrift, thrift-compact-protocol.md). */
export const thriftType = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
  uuid: 13,
} as const;

/** Structs within structs beyond this depth are a sign of damage. */
const deepest = 32;

/** A place in the bytes of a struct, which moves as they are read. Everything throws Error for bytes that are not what they should be. */
export class ThriftReader {
  readonly bytes: Uint8Array;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  #byte(): number {
    const value = this.bytes[this.offset++];
    if (value === undefined) throw new Error('it ends too early');
    return value;
  }

  /** An unsigned number. Beyond 2^53 it is not exact. */
  varint(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let factor = 0x80; factor < 2 ** 70; factor *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new Error('a number of more than ten bytes');
  }

  /** A signed number: i16, i32, i64. */
  integer(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** The bytes of a binary or text element, without a copy. */
  binary(): Uint8Array {
    const length = this.varint();
    const start = this.offset;
    if (length > this.bytes.length - start) throw new Error(`a text of ${length} bytes is longer than the rest`);
    this.offset = start + length;
    return this.bytes.subarray(start, this.offset);
  }

  /** The type and number of the elements of a list, of which each takes at least one byte. */
  list(): { readonly type: number; readonly size: number } {
    const header = this.#byte();
    const size = header >> 4 === 15 ? this.varint() : header >> 4;
    if (size > this.bytes.length - this.offset) throw new Error(`a list of ${size} elements is longer than the rest`);
    return { type: header & 15, size };
  }

  /** Passes each field of a struct to `read`, which reads it and returns true, or leaves it, to be passed over. */
  struct(read: (id: number, type: number) => boolean, depth = 0): void {
    if (depth > deepest) throw new Error(`more than ${deepest} levels of structs`);
    let id = 0;
    for (;;) {
      const header = this.#byte();
      const type = header & 15;
      if (type === thriftType.stop) return;
      id = header >> 4 === 0 ? this.integer() : id + (header >> 4);
      if (!read(id, type)) this.skip(type, depth);
    }
  }

  /** Passes over an element. `inList`: truth values take a byte there; in a struct they are part of the field's type. */
  skip(type: number, depth = 0, inList = false): void {
    switch (type) {
      case thriftType.true:
      case thriftType.false:
        if (inList) this.#byte();
        return;
      case thriftType.byte:
        this.#byte();
        return;
      case thriftType.i16:
      case thriftType.i32:
      case thriftType.i64:
        while (this.#byte() >= 0x80);
        return;
      case thriftType.double:
        this.#forward(8);
        return;
      case thriftType.uuid:
        this.#forward(16);
        return;
      case thriftType.binary:
        this.#forward(this.varint());
        return;
      case thriftType.list:
      case thriftType.set: {
        const { type: element, size } = this.list();
        for (let k = 0; k < size; k++) this.skip(element, depth + 1, true);
        return;
      }
      case thriftType.map: {
        const size = this.varint();
        const types = size === 0 ? 0 : this.#byte();
        for (let k = 0; k < size; k++) {
          this.skip(types >> 4, depth + 1, true);
          this.skip(types & 15, depth + 1, true);
        }
        return;
      }
      case thriftType.struct:
        this.struct(() => false, depth + 1);
        return;
      default:
        throw new Error(`an element of the unknown type ${type}`);
    }
  }

  #forward(bytes: number): void {
    this.offset += bytes;
    if (this.offset > this.bytes.length) throw new Error('it ends too early');
  }
}
