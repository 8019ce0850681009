/** Reading of a protocol buffer that is in memory: https://protobuf.dev/programming-guides/encoding */

/** A field of a message: a number, or bytes. */
export interface ProtoField {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** The fields of a message in order. Integers above 2^53 are not exact. @throws if it is damaged */
export function* protoFields(bytes: Uint8Array): Generator<ProtoField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const need = (count: number): number => {
    if (!(count <= bytes.byteLength - at))
      throw new Error(`ends at byte ${bytes.byteLength}, in the middle of a field: the file is damaged`);
    const begin = at;
    at += count;
    return begin;
  };
  const varint = (): number => {
    let value = 0;
    for (let k = 0; k < 10; k++) {
      const byte = bytes[need(1)] as number;
      value += (byte & 0x7f) * 2 ** (7 * k);
      if (byte < 0x80) return value;
    }
    throw new Error(`has a number of more than 10 bytes at byte ${at}: the file is damaged`);
  };
  while (at < bytes.byteLength) {
    const key = varint();
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) yield { number, value: varint() };
    else if (kind === 1) yield { number, value: view.getFloat64(need(8), true) };
    else if (kind === 5) yield { number, value: view.getFloat32(need(4), true) };
    else if (kind === 2) {
      const length = varint();
      const begin = need(length);
      yield { number, value: bytes.subarray(begin, begin + length) };
    } else throw new Error(`has a field of the unknown kind ${kind} at byte ${at}: the file is damaged`);
  }
}
