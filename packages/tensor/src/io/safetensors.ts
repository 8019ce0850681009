/** Reading and writing safetensors files. */
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../kernel/float16.ts';
import { findDuplicateKey } from './strict-json.ts';

/**
 * The element types of the safetensors format. A file consists of 8 bytes with the header's length (u64, little-endian), the header
 * (JSON), and the tensors' bytes (little-endian, row-major), without gap or overlap:
 * https://github.com/huggingface/safetensors#format
 */
export type SafetensorsDType =
  | ('F64' | 'F32' | 'F16' | 'BF16')
  | ('I64' | 'I32' | 'I16' | 'I8')
  | ('U64' | 'U32' | 'U16' | 'U8' | 'BOOL');

/** The values of a tensor in a file. */
export type SafetensorsData =
  | (Float64Array | Float32Array)
  | (BigInt64Array | Int32Array | Int16Array | Int8Array)
  | (BigUint64Array | Uint32Array | Uint16Array | Uint8Array);

/** A tensor in a file. */
export interface SafetensorsTensor {
  /** The dtype in the file. */
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Row-major. F16 and BF16 are widened to a Float32Array; BOOL is a Uint8Array of 0 and 1; I64 and U64 are bigints. */
  readonly data: SafetensorsData;
}

/** A tensor with its name. */
export interface SafetensorsEntry extends SafetensorsTensor {
  readonly name: string;
}

/** The content of a file. */
export interface Safetensors {
  /** By name, in the order of the file's data. */
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Record<string, string>;
}

interface DTypeInfo {
  readonly bytes: number;
  /** The element type in memory. */
  readonly array: { new (buffer: ArrayBuffer, byteOffset: number, length: number): SafetensorsData };
  /** Conversions where the file's element type has no typed array. */
  readonly half?: {
    readonly widen: (stored: Uint16Array) => Float32Array;
    readonly narrow: (data: Float32Array) => Uint16Array;
  };
}

const dtypeInfos: Readonly<Record<SafetensorsDType, DTypeInfo>> = {
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  F16: { bytes: 2, array: Float32Array, half: { widen: float16ToFloat32, narrow: float32ToFloat16 } },
  BF16: { bytes: 2, array: Float32Array, half: { widen: bfloat16ToFloat32, narrow: float32ToBfloat16 } },
  I64: { bytes: 8, array: BigInt64Array },
  I32: { bytes: 4, array: Int32Array },
  I16: { bytes: 2, array: Int16Array },
  I8: { bytes: 1, array: Int8Array },
  U64: { bytes: 8, array: BigUint64Array },
  U32: { bytes: 4, array: Uint32Array },
  U16: { bytes: 2, array: Uint16Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
};

const LENGTH_BYTES = 8;
/** The format's own limit: a longer header is refused before it is read. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = '__metadata__';

const fault = (message: string): Error => new Error(`safetensors: ${message}`);

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function checkDType(name: string, dtype: unknown): asserts dtype is SafetensorsDType {
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypeInfos, dtype)) {
    throw fault(`${name}: dtype ${JSON.stringify(dtype)} is not one of ${Object.keys(dtypeInfos).join(', ')}`);
  }
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isRange = (value: unknown): value is [begin: number, end: number] =>
  Array.isArray(value) && value.length === 2 && value.every(isSize);

/** A tensor's place in a file. */
export interface SafetensorsPlace {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Where its data begin and end, in bytes from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

/** A file's header: the places of its tensors in the order of the data, and its metadata. */
export interface SafetensorsHeader {
  readonly places: readonly SafetensorsPlace[];
  readonly metadata: Record<string, string>;
}

/**
 * Reads the content of a safetensors file.
 *
 * Where a tensor's bytes are suitably aligned its data is a view of `bytes`, otherwise (and for F16 and BF16) a copy.
 *
 * @throws Error if the file is damaged: it is cut off, its header is too long or not valid JSON, a dtype is unknown, a name occurs
 *   twice, a size does not match shape and dtype, or the data have gaps, overlaps or extra bytes. The message names the tensor.
 */
export function parseSafetensors(bytes: Uint8Array): Safetensors {
  const { places, metadata } = readSafetensorsHeader(bytes.byteLength, (begin, end) => bytes.subarray(begin, end));
  const tensors = new Map<string, SafetensorsTensor>();
  for (const place of places) tensors.set(place.name, decodeTensor(place, bytes.subarray(place.begin, place.end)));
  return { tensors, metadata };
}

/**
 * Reads only the header of a safetensors file, so that tensors can be read one by one; see `decodeTensor`.
 *
 * @param fileBytes the size of the file
 * @param read returns the bytes of the file from `begin` up to `end`, which are within the file
 * @throws Error if the file is damaged, as `parseSafetensors` does
 */
export function readSafetensorsHeader(
  fileBytes: number,
  read: (begin: number, end: number) => Uint8Array,
): SafetensorsHeader {
  const headerEnd = readHeaderEnd(fileBytes, read);
  const header = parseHeader(read(LENGTH_BYTES, headerEnd));
  const metadata = readMetadata(header[METADATA_KEY]);
  const specs = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => readSpec(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(specs, fileBytes - headerEnd);
  const places = specs.map((spec) => ({ ...spec, begin: headerEnd + spec.begin, end: headerEnd + spec.end }));
  return { places, metadata };
}

function readHeaderEnd(fileBytes: number, read: (begin: number, end: number) => Uint8Array): number {
  if (fileBytes < LENGTH_BYTES) {
    throw fault(
      `the file has ${fileBytes} bytes, too few for the header's length: it is cut off, or not a safetensors file`,
    );
  }
  const start = read(0, LENGTH_BYTES);
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw fault(
      `the header has ${length} bytes according to the file, more than the format allows: it is damaged, or not a safetensors file`,
    );
  }
  const headerEnd = LENGTH_BYTES + Number(length);
  if (headerEnd > fileBytes) {
    throw fault(`the header needs ${length} bytes, but the file ends after ${fileBytes - LENGTH_BYTES}: it is cut off`);
  }
  return headerEnd;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  let text: string;
  try {
    // A copy, because text of shared memory cannot be decoded.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
    header = JSON.parse(text);
  } catch (cause) {
    throw new Error(`safetensors: the header is not valid JSON (${(cause as Error).message}): the file is damaged`, {
      cause,
    });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw fault('the header is not a JSON object of tensors');
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw fault(`${JSON.stringify(duplicate)} occurs twice in the header`);
  return header as Record<string, unknown>;
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault('__metadata__ is not an object');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw fault(`__metadata__: the value of ${JSON.stringify(key)} is not a string`);
  }
  return value as Record<string, string>;
}

interface TensorSpec {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  /** Where the data begin, in bytes from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

function readSpec(name: string, value: unknown): TensorSpec {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  checkDType(name, dtype);
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    throw fault(`${name}: shape ${JSON.stringify(shape)} is not a list of sizes`);
  }
  if (!isRange(offsets)) {
    throw fault(`${name}: data_offsets ${JSON.stringify(offsets)} is not [begin, end]`);
  }
  const [begin, end] = offsets;
  const needed = sizeOf(shape) * dtypeInfos[dtype].bytes;
  if (end - begin !== needed) {
    throw fault(
      `${name}: ${dtype} [${shape.join(', ')}] needs ${needed} bytes, but data_offsets [${begin}, ${end}] span ${end - begin}`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Refuses gaps and overlaps. @param specs sorted by their position in the file */
function checkLayout(specs: readonly TensorSpec[], dataBytes: number): void {
  let end = 0;
  let previous = 'the header';
  for (const spec of specs) {
    if (spec.begin > end)
      throw fault(`${spec.begin - end} bytes between ${previous} and ${spec.name} do not belong to a tensor`);
    if (spec.begin < end) throw fault(`the data of ${previous} and ${spec.name} overlap`);
    if (spec.end > dataBytes) {
      throw fault(
        `${spec.name} ends at byte ${spec.end} of the data, but the file has only ${dataBytes}: it is cut off`,
      );
    }
    end = spec.end;
    previous = spec.name;
  }
  if (end < dataBytes) throw fault(`${dataBytes - end} bytes after ${previous} do not belong to a tensor`);
}

/**
 * A tensor from its bytes in a file. If they are suitably aligned its data is a view of them, otherwise (and for F16 and BF16) a copy.
 *
 * @throws Error if a BOOL tensor contains other bytes than 0 and 1
 */
export function decodeTensor({ name, dtype, shape }: SafetensorsPlace, bytes: Uint8Array): SafetensorsTensor {
  const data = decodeElements(dtype, bytes);
  if (dtype === 'BOOL' && (data as Uint8Array).some((value) => value > 1)) {
    throw fault(`${name}: a BOOL tensor contains bytes other than 0 and 1`);
  }
  return { dtype, shape, data };
}

/** The size of one element in a file, in bytes. */
export const elementBytes = (dtype: SafetensorsDType): number => dtypeInfos[dtype].bytes;

/**
 * Converts little-endian elements to numbers: a view of `bytes` if they are suitably aligned, otherwise (and for F16 and BF16, which
 * are widened to f32) a copy.
 */
export function decodeElements(dtype: SafetensorsDType, bytes: Uint8Array): SafetensorsData {
  const { bytes: size, array, half } = dtypeInfos[dtype];
  const stored = alignedBytes(bytes, size);
  const length = bytes.byteLength / size;
  if (half) return half.widen(new Uint16Array(stored.buffer, stored.byteOffset, length));
  return new array(stored.buffer as ArrayBuffer, stored.byteOffset, length);
}

/** The bytes at an aligned address. Not `slice`, which returns a view at the same address if `bytes` is Node's Buffer. */
const alignedBytes = (bytes: Uint8Array, alignment: number): Uint8Array =>
  bytes.byteOffset % alignment === 0 ? bytes : new Uint8Array(bytes);

/** A tensor that is to be written: everything but its values. */
export type SafetensorsSlot = Omit<SafetensorsEntry, 'data'>;

/** Where the tensors of a file that is to be written are placed. */
export interface SafetensorsLayout<Slot extends SafetensorsSlot> {
  /** The tensors in the order in which their bytes follow the header. */
  readonly slots: readonly Slot[];
  /** The size of all tensors together, in bytes. */
  readonly dataBytes: number;
  /** The header. @param leastBytes it is padded with blanks to at least this size, and to a multiple of 8 bytes */
  header(metadata: Readonly<Record<string, string>>, leastBytes?: number): Uint8Array;
}

/**
 * The layout of a file. The header is padded with blanks so that the data starts at a multiple of 8 bytes. Tensors are stored in order of
 * decreasing element size, so that each is aligned to its element, and otherwise in the order of `entries`. The same entries always
 * result in the same bytes.
 *
 * @throws Error if a name occurs twice or is `__metadata__`, or if a dtype or shape is not valid; the message names the tensor
 */
export function safetensorsLayout<Slot extends SafetensorsSlot>(entries: Iterable<Slot>): SafetensorsLayout<Slot> {
  const slots = [...entries];
  for (const { name, dtype, shape } of slots) {
    checkDType(name, dtype);
    if (shape.some((size) => !isSize(size)))
      throw fault(`${name}: shape [${[...shape].join(', ')}] is not a list of sizes`);
  }
  slots.sort((a, b) => dtypeInfos[b.dtype].bytes - dtypeInfos[a.dtype].bytes);
  // Without a prototype, so that a tensor can have any name, "__proto__" included.
  const places: Record<string, unknown> = Object.create(null);
  let offset = 0;
  for (const { name, dtype, shape } of slots) {
    if (name === METADATA_KEY) throw fault(`a tensor cannot be named ${METADATA_KEY}`);
    if (name in places) throw fault(`two tensors are named ${JSON.stringify(name)}`);
    const end = offset + sizeOf(shape) * dtypeInfos[dtype].bytes;
    places[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  return {
    slots,
    dataBytes: offset,
    header(metadata, leastBytes = 0) {
      const header: Record<string, unknown> = Object.create(null);
      if (Object.keys(metadata).length > 0) header[METADATA_KEY] = metadata;
      return encodeHeader(Object.assign(header, places), leastBytes);
    },
  };
}

/**
 * The content of a safetensors file as pieces to be written one after the other: the header, then the bytes of each tensor, which are
 * views of the data if no conversion is needed; see `safetensorsLayout`. `serializeSafetensors` joins the pieces.
 *
 * @param entries F16 and BF16 take a Float32Array and round it to nearest, ties to even
 * @throws Error like `safetensorsLayout`, or if data do not match dtype or shape; the message names the tensor
 */
export function safetensorsChunks(
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const { slots, header } = safetensorsLayout(entries);
  return [header(metadata), ...slots.map(encodeElements)];
}

/** The content of a safetensors file in one piece; see `safetensorsChunks`. */
export function serializeSafetensors(
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const chunks = safetensorsChunks(entries, metadata);
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return out;
}

/** The bytes of a tensor in a file: a view of the data if no conversion is needed. @throws Error if data do not match dtype or shape */
export function encodeElements({ name, dtype, shape, data }: SafetensorsEntry): Uint8Array {
  const { array, half } = dtypeInfos[dtype];
  if (!(data instanceof array)) {
    throw fault(`${name}: dtype ${dtype} needs a ${array.name}, got a ${data.constructor.name}`);
  }
  if (!shape.every(isSize) || sizeOf(shape) !== data.length) {
    throw fault(`${name}: shape [${shape.join(', ')}] has ${sizeOf(shape)} elements, the data have ${data.length}`);
  }
  const stored = half ? half.narrow(data as Float32Array) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function encodeHeader(header: Record<string, unknown>, leastBytes: number): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(Math.max(json.byteLength, leastBytes - LENGTH_BYTES) / 8) * 8;
  if (padded > MAX_HEADER_BYTES)
    throw fault(`the header would have ${padded} bytes, the format allows ${MAX_HEADER_BYTES}`);
  const out = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.set(json, LENGTH_BYTES);
  return out;
}
