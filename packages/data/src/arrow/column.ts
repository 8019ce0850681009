/** Reading of the columns of one record batch, value by value, with every length and offset checked. */
import {
  type DataType,
  type Field,
  type FixedSizeList,
  type Float,
  type Int,
  Precision,
  type Schema,
  Type,
} from 'apache-arrow';
import { errorMessage, readExactly } from '../io/file-system.ts';
import type { BufferRegion, RecordBatchEntry } from './messages.ts';

/** A value read from a dataset. Integers beyond 2^53 are returned as bigint. */
export type Value = string | number | bigint | boolean | null | Uint8Array | Value[] | { [name: string]: Value };

/** Returns the value at a position of one column of one record batch. */
export type Getter = (index: number) => Value;

/** Buffers up to this size are read once, as a whole; from larger ones each read takes only the bytes of its value. */
const wholeBufferLimit = 64 * 1024;

/** Reads the buffers of one record batch from its file, and counts the bytes that it keeps in memory. */
export class BatchBuffers {
  readonly entry: RecordBatchEntry;
  /** Bytes kept in memory for this record batch. */
  held = 0;
  readonly #fd: number;
  constructor(fd: number, entry: RecordBatchEntry) {
    this.#fd = fd;
    this.entry = entry;
  }

  region(index: number): BufferRegion {
    const region = this.entry.buffers[index];
    if (!region) throw new Error(`buffer ${index} of ${this.entry.buffers.length} is missing`);
    return region;
  }

  /** The first `bytes` bytes of a buffer, kept in memory. */
  whole(index: number, bytes: number): Uint8Array<ArrayBuffer> {
    const { offset, length } = this.region(index);
    if (length < bytes) throw new Error(`a buffer of ${length} bytes; ${bytes} were expected`);
    this.held += bytes;
    return readExactly(this.#fd, offset, bytes);
  }

  /** A reader of byte ranges of a buffer. The caller checks that the ranges are within the buffer. */
  ranges(index: number): { length: number; read: (start: number, end: number) => Uint8Array } {
    const { offset, length } = this.region(index);
    if (length <= wholeBufferLimit) {
      let bytes: Uint8Array | null = null;
      return {
        length,
        read: (start, end) => {
          bytes ??= this.whole(index, length);
          return bytes.slice(start, end);
        },
      };
    }
    return { length, read: (start, end) => readExactly(this.#fd, offset + start, end - start) };
  }
}

/** The positions of a column's first array and first buffer in the lists of a record batch. */
interface ColumnStart {
  node: number;
  buffer: number;
}

/** A column of a schema, and its position in every record batch. */
export interface ColumnPlace {
  field: Field;
  start: ColumnStart;
}

/** Finds the positions of all columns of a schema. @throws for types that are invalid or not supported; the message names the column. */
export function placeColumns(schema: Schema): Map<string, ColumnPlace> {
  if (schema.fields.length === 0) throw new Error('no columns');
  const places = new Map<string, ColumnPlace>();
  const start: ColumnStart = { node: 0, buffer: 0 };
  for (const field of schema.fields) {
    try {
      const { nodes, buffers } = layoutOf(field.type);
      places.set(field.name, { field, start: { ...start } });
      start.node += nodes;
      start.buffer += buffers;
    } catch (error) {
      throw new Error(`column "${field.name}": ${errorMessage(error)}`);
    }
  }
  return places;
}

/** Compares a record batch with its schema. @throws if the columns differ, or if the columns have different lengths. */
export function checkBatch(entry: RecordBatchEntry, columns: Map<string, ColumnPlace>): void {
  const expected = { nodes: 0, buffers: 0 };
  for (const { field, start } of columns.values()) {
    const { nodes, buffers } = layoutOf(field.type);
    expected.nodes = start.node + nodes;
    expected.buffers = start.buffer + buffers;
    const length = entry.nodes[start.node]?.length;
    if (length !== entry.rows)
      throw new Error(`${length} values in column "${field.name}"; its rows are ${entry.rows}`);
  }
  if (entry.nodes.length !== expected.nodes || entry.buffers.length !== expected.buffers) {
    throw new Error(
      `${entry.nodes.length} arrays in ${entry.buffers.length} buffers; the schema needs ${expected.nodes} in ${expected.buffers}`,
    );
  }
}

/** Walks through the arrays and buffers of a record batch in the order of the schema's types. */
class Cursor {
  #node: number;
  #buffer: number;
  readonly buffers: BatchBuffers;
  constructor(buffers: BatchBuffers, start: ColumnStart) {
    this.buffers = buffers;
    this.#node = start.node;
    this.#buffer = start.buffer;
  }
  node(): { length: number; nullCount: number } {
    const node = this.buffers.entry.nodes[this.#node++];
    if (!node) throw new Error(`array ${this.#node} of ${this.buffers.entry.nodes.length} is missing`);
    return node;
  }
  buffer(): number {
    return this.#buffer++;
  }
}

/** The number of arrays and buffers of a type, including its children. @throws for a type that is not supported. */
function layoutOf(type: DataType): { nodes: number; buffers: number } {
  const layout = layouts[type.typeId as Type];
  if (!layout) throw new Error(`columns of Arrow type ${Type[type.typeId]} are not supported`);
  let { nodes, buffers } = { nodes: 1, buffers: layout.buffers };
  const children = (type.children ?? []) as (Field | undefined)[];
  if (layout.children !== undefined && children.length !== layout.children) {
    throw new Error(`a list type with ${children.length} element types; ${layout.children} was expected`);
  }
  for (const child of children) {
    if (!child?.type) throw new Error('a child without a type');
    const inner = layoutOf(child.type);
    nodes += inner.nodes;
    buffers += inner.buffers;
  }
  return { nodes, buffers };
}

/**
 * Returns a getter for the values of one column. Offsets and sizes are checked here against the batch's lengths, so that a corrupt
 * file cannot make the getter read outside of its column.
 *
 * @throws if the column's arrays, offsets or buffers contradict each other, or if its type is not supported.
 */
export function columnGetter(buffers: BatchBuffers, { field, start }: ColumnPlace): Getter {
  return decode(new Cursor(buffers, start), field.type).getter;
}

interface Decoded {
  getter: Getter;
  length: number;
}

function decode(cursor: Cursor, type: DataType): Decoded {
  const layout = layouts[type.typeId as Type];
  if (!layout) throw new Error(`columns of Arrow type ${type} are not supported`);
  const { length, nullCount } = cursor.node();
  const isValid = layout.buffers > 0 ? validity(cursor, length, nullCount) : null;
  const getter = layout.decode(cursor, type, length);
  return { length, getter: isValid ? (index) => (isValid(index) ? getter(index) : null) : getter };
}

function validity(cursor: Cursor, length: number, nullCount: number): ((index: number) => boolean) | null {
  const index = cursor.buffer();
  if (nullCount === 0 || cursor.buffers.region(index).length === 0) return null;
  return bits(cursor.buffers.whole(index, Math.ceil(length / 8)));
}

const bits =
  (bitmap: Uint8Array) =>
  (index: number): boolean =>
    (((bitmap[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;

const toNumber = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

type NumericArray = { readonly [index: number]: number | bigint };

/** A getter for values of fixed width, which are viewed as a typed array. */
function fixedWidth(
  cursor: Cursor,
  length: number,
  view: { new (buffer: ArrayBuffer): NumericArray; readonly BYTES_PER_ELEMENT: number },
): Getter {
  const values = new view(cursor.buffers.whole(cursor.buffer(), length * view.BYTES_PER_ELEMENT).buffer);
  return (index) => {
    const value = values[index] as number | bigint;
    return typeof value === 'bigint' ? toNumber(value) : value;
  };
}

const signedViews = { 8: Int8Array, 16: Int16Array, 32: Int32Array, 64: BigInt64Array };
const unsignedViews = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array, 64: BigUint64Array };

/** Converts IEEE 754 binary16 to a number. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function decodeFloat(cursor: Cursor, type: DataType, length: number): Getter {
  switch ((type as Float).precision) {
    case Precision.HALF: {
      const raw = fixedWidth(cursor, length, Uint16Array);
      return (index) => halfToNumber(raw(index) as number);
    }
    case Precision.SINGLE:
      return fixedWidth(cursor, length, Float32Array);
    default:
      return fixedWidth(cursor, length, Float64Array);
  }
}

/** Reads the `length + 1` offsets of a variable-length array, and checks that they never decrease. */
function readOffsets(cursor: Cursor, length: number, wide: boolean): { offsets: Float64Array; last: number } {
  const index = cursor.buffer();
  // An empty array may have an empty offsets buffer.
  if (length === 0) return { offsets: new Float64Array(1), last: 0 };
  const bytes = cursor.buffers.whole(index, (length + 1) * (wide ? 8 : 4)).buffer;
  const raw = wide ? new BigInt64Array(bytes) : new Int32Array(bytes);
  const offsets = new Float64Array(length + 1);
  let previous = 0;
  for (let i = 0; i <= length; i++) {
    const offset = Number(raw[i]);
    if (offset < previous) throw new Error(`offset ${i} is ${offset}, less than the previous offset ${previous}`);
    offsets[i] = offset;
    previous = offset;
  }
  return { offsets, last: previous };
}

/** Where an element of a variable-length array starts and ends. */
const boundsOf = (offsets: Float64Array, index: number): [start: number, end: number] => [
  offsets[index] as number,
  offsets[index + 1] as number,
];

function decodeBytes(
  wide: boolean,
  convert: (bytes: Uint8Array) => Value,
): (cursor: Cursor, type: DataType, length: number) => Getter {
  return (cursor, _type, length) => {
    const { offsets, last } = readOffsets(cursor, length, wide);
    const data = cursor.buffers.ranges(cursor.buffer());
    if (last > data.length) throw new Error(`the offsets reach byte ${last} of ${data.length}`);
    return (index) => convert(data.read(...boundsOf(offsets, index)));
  };
}

function listGetter(cursor: Cursor, type: DataType, bounds: (index: number) => [number, number], last: number): Getter {
  const [child] = type.children as Field[];
  if (!child) throw new Error('a list type without an element type');
  const element = decode(cursor, child.type);
  if (last > element.length) throw new Error(`the lists reach element ${last} of ${element.length}`);
  return (index) => {
    const [start, end] = bounds(index);
    const values: Value[] = [];
    for (let i = start; i < end; i++) values.push(element.getter(i));
    return values;
  };
}

function decodeList(wide: boolean): (cursor: Cursor, type: DataType, length: number) => Getter {
  return (cursor, type, length) => {
    const { offsets, last } = readOffsets(cursor, length, wide);
    return listGetter(cursor, type, (index) => boundsOf(offsets, index), last);
  };
}

function decodeStruct(cursor: Cursor, type: DataType, length: number): Getter {
  const members = (type.children as Field[]).map((child) => {
    const member = decode(cursor, child.type);
    if (member.length !== length) throw new Error(`${child.name}: ${member.length} values; its struct has ${length}`);
    return { name: child.name, getter: member.getter };
  });
  return (index) => Object.fromEntries(members.map(({ name, getter }) => [name, getter(index)]));
}

const utf8 = new TextDecoder();

/** The buffers of a type's array (the validity bitmap is one of them), and how to read its values. */
interface Layout {
  buffers: number;
  /** The number of child arrays; undefined: any number. */
  children?: number;
  decode: (cursor: Cursor, type: DataType, length: number) => Getter;
}

const layouts: { [type in Type]?: Layout } = {
  [Type.Null]: { buffers: 0, decode: () => () => null },
  [Type.Int]: {
    buffers: 2,
    decode: (cursor, type, length) => {
      const { isSigned, bitWidth } = type as Int;
      return fixedWidth(cursor, length, (isSigned ? signedViews : unsignedViews)[bitWidth]);
    },
  },
  [Type.Float]: { buffers: 2, decode: decodeFloat },
  [Type.Bool]: {
    buffers: 2,
    decode: (cursor, _type, length) => bits(cursor.buffers.whole(cursor.buffer(), Math.ceil(length / 8))),
  },
  [Type.Utf8]: { buffers: 3, decode: decodeBytes(false, (bytes) => utf8.decode(bytes)) },
  [Type.LargeUtf8]: { buffers: 3, decode: decodeBytes(true, (bytes) => utf8.decode(bytes)) },
  [Type.Binary]: { buffers: 3, decode: decodeBytes(false, (bytes) => bytes) },
  [Type.LargeBinary]: { buffers: 3, decode: decodeBytes(true, (bytes) => bytes) },
  [Type.List]: { buffers: 2, children: 1, decode: decodeList(false) },
  [Type.LargeList]: { buffers: 2, children: 1, decode: decodeList(true) },
  [Type.FixedSizeList]: {
    buffers: 1,
    children: 1,
    decode: (cursor, type, length) => {
      const size = (type as FixedSizeList).listSize;
      return listGetter(cursor, type, (index) => [index * size, (index + 1) * size], length * size);
    },
  },
  [Type.Struct]: { buffers: 1, decode: decodeStruct },
};
