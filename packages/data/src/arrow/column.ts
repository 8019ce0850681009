/** Reading of the columns of one record batch, value by value, with every length and offset checked. */
import { errorMessage } from '../io/file-system.ts';
import { decompressBuffer } from './compression.ts';
import type { BufferRegion, IndexedBatch, RecordBatchEntry } from './messages.ts';
import type { ArrowField, ArrowKind, ArrowSchema, ArrowType } from './schema.ts';

/** A value read from a dataset. Integers beyond 2^53 are returned as bigint. */
export type Value = string | number | bigint | boolean | null | Uint8Array | Value[] | { [name: string]: Value };

/** Returns the value at a position of one column of one record batch. */
export type Getter = (index: number) => Value;

/** Buffers up to this size are read once, as a whole; from larger ones each read takes only the bytes of its value. */
const wholeBufferLimit = 64 * 1024;

/** Reads `length` bytes of a file. */
export type ReadBytes = (offset: number, length: number) => Uint8Array<ArrayBuffer>;

/** Reads the buffers of one record batch from its file, and counts the bytes that it keeps in memory. */
export class BatchBuffers {
  readonly entry: RecordBatchEntry;
  /** Bytes kept in memory for this record batch. */
  held = 0;
  readonly #batch: IndexedBatch;
  readonly #read: ReadBytes;
  readonly #dictionaries = new Map<string, BatchBuffers[]>();
  constructor(read: ReadBytes, batch: IndexedBatch) {
    this.#read = read;
    this.#batch = batch;
    this.entry = batch.entry;
  }

  /** As `held`, with the dictionaries. */
  get total(): number {
    let sum = this.held;
    for (const pieces of this.#dictionaries.values()) for (const piece of pieces) sum += piece.total;
    return sum;
  }

  region(index: number): BufferRegion {
    const region = this.entry.buffers[index];
    if (!region) throw new Error(`buffer ${index} of ${this.entry.buffers.length} is missing`);
    return region;
  }

  /** The first `bytes` bytes of a buffer, kept in memory. */
  whole(index: number, bytes: number): Uint8Array<ArrayBuffer> {
    const { offset, length } = this.region(index);
    if (this.entry.compression !== null) {
      const content = this.#decompressed(index);
      if (content.byteLength < bytes)
        throw new Error(`a buffer of ${content.byteLength} bytes; ${bytes} were expected`);
      return content.byteLength === bytes ? content : content.slice(0, bytes);
    }
    if (length < bytes) throw new Error(`a buffer of ${length} bytes; ${bytes} were expected`);
    this.held += bytes;
    return this.#read(offset, bytes);
  }

  /** A reader of byte ranges of a buffer. The caller checks that the ranges are within the buffer. */
  ranges(index: number): { length: number; read: (start: number, end: number) => Uint8Array } {
    const { offset, length } = this.region(index);
    if (this.entry.compression !== null) {
      const content = this.#decompressed(index);
      return { length: content.byteLength, read: (start, end) => content.slice(start, end) };
    }
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
    return { length, read: (start, end) => this.#read(offset + start, end - start) };
  }

  /** The pieces of a dictionary. */
  dictionary(id: string): readonly BatchBuffers[] {
    let pieces = this.#dictionaries.get(id);
    if (pieces === undefined) {
      const { dictionaries } = this.#batch;
      pieces = (dictionaries.get(id) ?? []).map((entry) => new BatchBuffers(this.#read, { entry, dictionaries }));
      this.#dictionaries.set(id, pieces);
    }
    return pieces;
  }

  #decompressed(index: number): Uint8Array<ArrayBuffer> {
    const { offset, length } = this.region(index);
    const { compression } = this.entry;
    const stored = this.#read(offset, length);
    const content = compression === null ? stored : decompressBuffer(stored, compression);
    this.held += content.byteLength;
    return content;
  }
}

/** The positions of a column's first array, first buffer, and first count of view buffers in the lists of a record batch. */
interface ColumnStart {
  node: number;
  buffer: number;
  view: number;
}

/** @throws for a schema whose types are invalid; the message names the column */
export function checkTypes({ fields }: ArrowSchema): void {
  if (fields.length === 0) throw new Error('no columns');
  const walk = ({ kind, name, children, dictionary }: ArrowType): void => {
    const expected = layouts[kind].children;
    if (expected !== undefined && children.length !== expected)
      throw new Error(`the type ${name} with ${children.length} element types; ${expected} was expected`);
    for (const { type } of children) walk(type);
    if (dictionary !== null) walk(dictionary.values);
  };
  for (const { name, type } of fields) {
    try {
      walk(type);
    } catch (error) {
      throw new Error(`column "${name}": ${errorMessage(error)}`);
    }
  }
}

/** Moves a position behind the arrays and buffers of a type, including its children. */
function advance(start: ColumnStart, type: ArrowType, entry: RecordBatchEntry): void {
  const { buffers, view = false } = layouts[type.kind];
  start.node++;
  start.buffer += typeof buffers === 'number' ? buffers : buffers(type);
  if (view) start.buffer += viewBuffersAt(entry, start.view++);
  for (const child of type.children) advance(start, child.type, entry);
}

function viewBuffersAt({ viewBuffers }: RecordBatchEntry, view: number): number {
  const count = viewBuffers[view];
  if (count === undefined) throw new Error('the number of buffers of a view is missing');
  return count;
}

/** Compares a record batch with its schema. @throws if the columns differ, or if the columns have different lengths. */
export function checkBatch(entry: RecordBatchEntry, { fields }: ArrowSchema): void {
  const position: ColumnStart = { node: 0, buffer: 0, view: 0 };
  for (const { name, type } of fields) {
    const length = entry.nodes[position.node]?.length;
    if (length !== entry.rows) throw new Error(`${length} values in column "${name}"; its rows are ${entry.rows}`);
    advance(position, type, entry);
  }
  if (entry.nodes.length !== position.node || entry.buffers.length !== position.buffer) {
    throw new Error(
      `${entry.nodes.length} arrays in ${entry.buffers.length} buffers; the schema needs ${position.node} in ${position.buffer}`,
    );
  }
}

/** Where a column begins in a record batch, and where it ends. */
function placeColumn(entry: RecordBatchEntry, { fields }: ArrowSchema, field: ArrowField): [ColumnStart, ColumnStart] {
  const start: ColumnStart = { node: 0, buffer: 0, view: 0 };
  for (const other of fields) {
    if (other === field) break;
    advance(start, other.type, entry);
  }
  const end = { ...start };
  advance(end, field.type, entry);
  return [start, end];
}

/** The buffers of a column in a record batch, and those of its dictionaries. */
export function columnRegions(batch: IndexedBatch, schema: ArrowSchema, field: ArrowField): BufferRegion[] {
  const [start, end] = placeColumn(batch.entry, schema, field);
  const dictionaries = (type: ArrowType): BufferRegion[] => [
    ...type.children.flatMap((child) => dictionaries(child.type)),
    ...(type.dictionary === null
      ? []
      : [
          ...(batch.dictionaries.get(type.dictionary.id) ?? []).flatMap(({ buffers }) => buffers),
          ...dictionaries(type.dictionary.values),
        ]),
  ];
  return [...batch.entry.buffers.slice(start.buffer, end.buffer), ...dictionaries(field.type)];
}

/** Walks through the arrays and buffers of a record batch in the order of the schema's types. */
class Cursor {
  #node: number;
  #buffer: number;
  #view: number;
  readonly buffers: BatchBuffers;
  constructor(buffers: BatchBuffers, start: ColumnStart) {
    this.buffers = buffers;
    this.#node = start.node;
    this.#buffer = start.buffer;
    this.#view = start.view;
  }
  node(): { length: number; nullCount: number } {
    const node = this.buffers.entry.nodes[this.#node++];
    if (!node) throw new Error(`array ${this.#node} of ${this.buffers.entry.nodes.length} is missing`);
    return node;
  }
  buffer(): number {
    return this.#buffer++;
  }
  /** The data buffers of a view. */
  viewBuffers(): number[] {
    return Array.from({ length: viewBuffersAt(this.buffers.entry, this.#view++) }, () => this.buffer());
  }
}

/**
 * Returns a getter for the values of one column. Offsets and sizes are checked here against the batch's lengths, so that a corrupt
 * file cannot make the getter read outside of its column.
 *
 * @throws if the column's arrays, offsets or buffers contradict each other, or if its type is not supported.
 */
export function columnGetter(buffers: BatchBuffers, schema: ArrowSchema, field: ArrowField): Getter {
  const [start] = placeColumn(buffers.entry, schema, field);
  return decode(new Cursor(buffers, start), field.type).getter;
}

interface Decoded {
  getter: Getter;
  length: number;
}

function decode(cursor: Cursor, type: ArrowType): Decoded {
  const layout = layouts[type.kind];
  if (layout.decode === null) throw new Error(`columns of Arrow type ${type.name} are not supported`);
  const { length, nullCount } = cursor.node();
  const isValid = layout.buffers !== 0 ? validity(cursor, length, nullCount) : null;
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

function decodeFloat(cursor: Cursor, type: ArrowType, length: number): Getter {
  switch (type.width) {
    case 16: {
      const raw = fixedWidth(cursor, length, Uint16Array);
      return (index) => halfToNumber(raw(index) as number);
    }
    case 32:
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
): (cursor: Cursor, type: ArrowType, length: number) => Getter {
  return (cursor, _type, length) => {
    const { offsets, last } = readOffsets(cursor, length, wide);
    const data = cursor.buffers.ranges(cursor.buffer());
    if (last > data.length) throw new Error(`the offsets reach byte ${last} of ${data.length}`);
    return (index) => convert(data.read(...boundsOf(offsets, index)));
  };
}

function listGetter(
  cursor: Cursor,
  type: ArrowType,
  bounds: (index: number) => [number, number],
  last: number,
): Getter {
  const [child] = type.children;
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

function decodeList(wide: boolean): (cursor: Cursor, type: ArrowType, length: number) => Getter {
  return (cursor, type, length) => {
    const { offsets, last } = readOffsets(cursor, length, wide);
    return listGetter(cursor, type, (index) => boundsOf(offsets, index), last);
  };
}

function decodeStruct(cursor: Cursor, type: ArrowType, length: number): Getter {
  const members = type.children.map((child) => {
    const member = decode(cursor, child.type);
    if (member.length !== length) throw new Error(`${child.name}: ${member.length} values; its struct has ${length}`);
    return { name: child.name, getter: member.getter };
  });
  return (index) => Object.fromEntries(members.map(({ name, getter }) => [name, getter(index)]));
}

/** Positions and sizes of the lists, which may overlap and have any order. */
function decodeListView(wide: boolean): (cursor: Cursor, type: ArrowType, length: number) => Getter {
  return (cursor, type, length) => {
    const view = wide ? BigInt64Array : Int32Array;
    const offsets = fixedWidth(cursor, length, view);
    const sizes = fixedWidth(cursor, length, view);
    let last = 0;
    for (let i = 0; i < length; i++) {
      const [start, size] = [Number(offsets(i)), Number(sizes(i))];
      if (start < 0 || size < 0) throw new Error(`list ${i} has ${size} elements from element ${start}`);
      last = Math.max(last, size === 0 ? 0 : start + size);
    }
    const bounds = (index: number): [number, number] => {
      const start = Number(offsets(index));
      return [start, start + Number(sizes(index))];
    };
    return listGetter(cursor, type, bounds, last);
  };
}

/** Values of up to 12 bytes are in the view itself; longer ones are in one of the data buffers. */
const viewBytes = 16;
const inlineBytes = 12;

function decodeViews(
  convert: (bytes: Uint8Array) => Value,
): (cursor: Cursor, type: ArrowType, length: number) => Getter {
  return (cursor, _type, length) => {
    const views = cursor.buffers.whole(cursor.buffer(), length * viewBytes);
    const data = cursor.viewBuffers().map((buffer) => cursor.buffers.ranges(buffer));
    const numbers = new DataView(views.buffer, views.byteOffset);
    return (index) => {
      const at = index * viewBytes;
      const size = numbers.getInt32(at, true);
      if (size < 0) throw new Error(`a value of ${size} bytes`);
      if (size <= inlineBytes) return convert(views.slice(at + 4, at + 4 + size));
      const [buffer, start] = [numbers.getInt32(at + 8, true), numbers.getInt32(at + 12, true)];
      const held = data[buffer];
      if (held === undefined || start < 0 || start + size > held.length)
        throw new Error(`a value of ${size} bytes at byte ${start} of data buffer ${buffer}`);
      return convert(held.read(start, start + size));
    };
  };
}

function decodeFixedSizeBinary(cursor: Cursor, { width }: ArrowType, length: number): Getter {
  const data = cursor.buffers.ranges(cursor.buffer());
  if (length * width > data.length) throw new Error(`${length} values of ${width} bytes in ${data.length} bytes`);
  return (index) => data.read(index * width, (index + 1) * width);
}

function decodeDictionary(cursor: Cursor, { dictionary }: ArrowType, length: number): Getter {
  if (dictionary === null) throw new Error('a dictionary type without its values');
  const indices = decodeInt(cursor, dictionary.index, length);
  const pieces = cursor.buffers
    .dictionary(dictionary.id)
    .map((buffers) => decode(new Cursor(buffers, { node: 0, buffer: 0, view: 0 }), dictionary.values));
  return (index) => {
    const position = Number(indices(index));
    let within = position;
    for (const { length, getter } of pieces) {
      if (within >= 0 && within < length) return getter(within);
      within -= length;
    }
    throw new Error(`value ${position} of a dictionary of ${pieces.reduce((sum, piece) => sum + piece.length, 0)}`);
  };
}

function decodeInt(cursor: Cursor, { signed, width }: ArrowType, length: number): Getter {
  return fixedWidth(cursor, length, (signed ? signedViews : unsignedViews)[width as keyof typeof signedViews]);
}

const utf8 = new TextDecoder();
const text = (bytes: Uint8Array): Value => utf8.decode(bytes);
const same = (bytes: Uint8Array): Value => bytes;

/** The buffers of a type's array (the validity bitmap is the first of them), and how to read its values. */
interface Layout {
  buffers: number | ((type: ArrowType) => number);
  /** The number of child arrays; undefined: any number. */
  children?: number;
  /** Whether any number of data buffers follows. */
  view?: true;
  /** Null: the values are not read, and the column is skipped. */
  decode: ((cursor: Cursor, type: ArrowType, length: number) => Getter) | null;
}

const skipped = { buffers: 2, children: 0, decode: null } as const satisfies Layout;

/** How each type is stored (arrow.apache.org/docs/format/Columnar.html). */
const layouts: Readonly<Record<ArrowKind, Layout>> = {
  Null: { buffers: 0, children: 0, decode: () => () => null },
  Int: { buffers: 2, children: 0, decode: decodeInt },
  FloatingPoint: { buffers: 2, children: 0, decode: decodeFloat },
  Bool: {
    buffers: 2,
    children: 0,
    decode: (cursor, _type, length) => bits(cursor.buffers.whole(cursor.buffer(), Math.ceil(length / 8))),
  },
  Utf8: { buffers: 3, children: 0, decode: decodeBytes(false, text) },
  LargeUtf8: { buffers: 3, children: 0, decode: decodeBytes(true, text) },
  Binary: { buffers: 3, children: 0, decode: decodeBytes(false, same) },
  LargeBinary: { buffers: 3, children: 0, decode: decodeBytes(true, same) },
  Utf8View: { buffers: 2, children: 0, view: true, decode: decodeViews(text) },
  BinaryView: { buffers: 2, children: 0, view: true, decode: decodeViews(same) },
  FixedSizeBinary: { buffers: 2, children: 0, decode: decodeFixedSizeBinary },
  List: { buffers: 2, children: 1, decode: decodeList(false) },
  LargeList: { buffers: 2, children: 1, decode: decodeList(true) },
  ListView: { buffers: 3, children: 1, decode: decodeListView(false) },
  LargeListView: { buffers: 3, children: 1, decode: decodeListView(true) },
  FixedSizeList: {
    buffers: 1,
    children: 1,
    decode: (cursor, type, length) =>
      listGetter(cursor, type, (index) => [index * type.width, (index + 1) * type.width], length * type.width),
  },
  Struct_: { buffers: 1, decode: decodeStruct },
  Dictionary: { buffers: 2, children: 0, decode: decodeDictionary },
  Decimal: skipped,
  Date: skipped,
  Time: skipped,
  Timestamp: skipped,
  Interval: skipped,
  Duration: skipped,
  Map: { buffers: 2, children: 1, decode: null },
  RunEndEncoded: { buffers: 0, children: 2, decode: null },
  Union: { buffers: ({ dense }) => (dense ? 2 : 1), decode: null },
};
