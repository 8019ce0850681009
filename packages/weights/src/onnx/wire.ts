/** Reading of protocol buffers in parts: https://protobuf.dev/programming-guides/encoding */
import type { FileParts } from '../files/file-parts.ts';

/** Bytes of a file. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** A field of a message: its number, and either its value or the place of its bytes. */
export interface Field {
  readonly number: number;
  /** The value of a varint; for other kinds 0. */
  readonly value: bigint;
  /** The bytes of the value; of a varint none. */
  readonly bytes: Span;
  readonly kind: 'varint' | 'fixed64' | 'bytes' | 'fixed32';
}

const kinds = { 0: 'varint', 1: 'fixed64', 2: 'bytes', 5: 'fixed32' } as const satisfies Record<number, Field['kind']>;

/** Fields are read through a window of the file: most of them are small. */
const windowBytes = 2 ** 16;
/** No name in a model is longer. */
const longestText = 2 ** 16;

/** A reader of the messages in a file. Fields that are not asked for are skipped without reading them. */
export class WireReader {
  readonly file: FileParts;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(file: FileParts) {
    this.file = file;
  }

  #byte(at: number): number {
    if (at < this.#start || at >= this.#start + this.#window.byteLength) {
      this.#window = this.file.read(at, Math.min(this.file.size, at + windowBytes));
      this.#start = at;
    }
    const byte = this.#window[at - this.#start];
    if (byte === undefined) throw new Error(`ends at byte ${at}, in the middle of a field: the file is cut off`);
    return byte;
  }

  #varint(at: number, end: number): { readonly value: bigint; readonly next: number } {
    let value = 0n;
    for (let k = 0; k < 10; k++) {
      if (at + k >= end) throw new Error(`ends at byte ${at + k}, in the middle of a number: the file is damaged`);
      const byte = this.#byte(at + k);
      value |= BigInt(byte & 0x7f) << BigInt(7 * k);
      if (byte < 0x80) return { value, next: at + k + 1 };
    }
    throw new Error(`has a number of more than 10 bytes at byte ${at}: the file is damaged`);
  }

  /** The fields of a message. @throws if it is damaged */
  *fields({ begin, end }: Span): Generator<Field> {
    let at = begin;
    while (at < end) {
      const tag = this.#varint(at, end);
      const number = Number(tag.value >> 3n);
      const kind = kinds[Number(tag.value & 7n) as keyof typeof kinds];
      if (kind === undefined || number < 1)
        throw new Error(`has no field of a message at byte ${at}: it is damaged, or not an ONNX file`);
      if (kind === 'varint') {
        const { value, next } = this.#varint(tag.next, end);
        yield { number, kind, value, bytes: { begin: next, end: next } };
        at = next;
        continue;
      }
      const length =
        kind === 'bytes' ? this.#varint(tag.next, end) : { value: kind === 'fixed64' ? 8n : 4n, next: tag.next };
      if (length.value > BigInt(end - length.next))
        throw new Error(`has a field of ${length.value} bytes at byte ${at}, which is longer than its message`);
      at = length.next + Number(length.value);
      yield { number, kind, value: 0n, bytes: { begin: length.next, end: at } };
    }
  }

  text({ begin, end }: Span): string {
    if (end - begin > longestText) throw new Error(`has a name of ${end - begin} bytes at byte ${begin}`);
    return new TextDecoder().decode(this.file.read(begin, end));
  }

  /** The varints of a field: one, or several that are packed. They are signed numbers of 64 bits. */
  integers({ kind, value, bytes }: Field): bigint[] {
    if (kind === 'varint') return [BigInt.asIntN(64, value)];
    const values: bigint[] = [];
    for (let at = bytes.begin; at < bytes.end; ) {
      const { value: packed, next } = this.#varint(at, bytes.end);
      values.push(BigInt.asIntN(64, packed));
      at = next;
    }
    return values;
  }
}
