/** Writing of protocol buffers: https://protobuf.dev/programming-guides/encoding */

/** A part of a message. */
export type Part = Uint8Array;

const utf8 = new TextEncoder();

/** A whole number of at least 0, or of 64 bits with a sign, as a varint. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

const wholeNumber = 0;
const bytesOfLength = 2;

export const joinParts = (parts: readonly Part[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};

export const numberField = (field: number, value: number | bigint): Part =>
  joinParts([varint(field * 8 + wholeNumber), varint(value)]);

/** What stands before `length` bytes of a field. */
export const fieldHeader = (field: number, length: number): Part =>
  joinParts([varint(field * 8 + bytesOfLength), varint(length)]);

const bytesField = (field: number, bytes: Uint8Array): Part => joinParts([fieldHeader(field, bytes.length), bytes]);

export const textField = (field: number, text: string): Part => bytesField(field, utf8.encode(text));

export const messageField = (field: number, ...parts: readonly Part[]): Part => bytesField(field, joinParts(parts));
