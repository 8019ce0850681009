/** Writing of protocol buffers: https://protobuf.dev/programming-guides/encoding */

/** How the value of a field is stored. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function varint(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`varint: ${value} is not a whole number from 0 to 2^53 - 1`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const key = (number: number, kind: keyof typeof wire): Buffer => varint(number * 8 + wire[kind]);

/** A field of a message is absent where it has the default value of its type, as other writers do it. */
const absent = Buffer.alloc(0);

/** A field of an integer from 0 to 2^53 - 1, or of an enumeration. */
export const integer = (number: number, value: number): Buffer =>
  value === 0 ? absent : Buffer.concat([key(number, 'varint'), varint(value)]);

export function double(number: number, value: number): Buffer {
  if (Object.is(value, 0)) return absent;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(number, 'fixed64'), bytes]);
}

/** A number as one of several alternatives (`oneof`): present also where it is 0. */
export function chosenDouble(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(number, 'fixed64'), bytes]);
}

/** A number of 32 bits as one of several alternatives (`oneof`): present also where it is 0. */
export function chosenFloat(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(number, 'fixed32'), bytes]);
}

/** A truth value as one of several alternatives (`oneof`): present also where it is false. */
export const chosenBoolean = (number: number, value: boolean): Buffer =>
  Buffer.concat([key(number, 'varint'), varint(value ? 1 : 0)]);

/** Numbers, packed. */
export function doubles(number: number, values: readonly number[]): Buffer {
  if (values.length === 0) return absent;
  const bytes = Buffer.alloc(8 * values.length);
  for (const [k, value] of values.entries()) bytes.writeDoubleLE(value, 8 * k);
  return bytesField(number, bytes);
}

/** Bytes, an element of a list, or one of several alternatives (`oneof`): present also where they are empty. */
export const bytesField = (number: number, value: Uint8Array): Buffer =>
  Buffer.concat([key(number, 'bytes'), varint(value.byteLength), value]);

export const text = (number: number, value: string): Buffer =>
  value === '' ? absent : bytesField(number, Buffer.from(value, 'utf8'));

/** A message in a field: the bytes of its own fields. */
export const message = (number: number, ...fields: readonly Uint8Array[]): Buffer =>
  bytesField(number, Buffer.concat(fields));
