/** Reading of a stream of tokens. Every length and value is checked before it is used. */
import {
  type ArrowSchema,
  continuation,
  type DecodedMessage,
  decodeMessage,
  type RecordBatchEntry,
} from '@tessera/data/arrow';
import type { DType } from '@tessera/tensor';
import { decodeArray, viewArray } from '@tessera/tensor/backend';
import { checkBatch, countNonFinite, type HandOffBatch, longestId, placesOnGrid } from './batch.ts';
import { ByteReader } from './byte-reader.ts';
import { HandOffError, type HandOffHeader, headerKey, parseHeader } from './header.ts';
import { checkSchema, tensorColumns } from './schema.ts';

export interface ReadHandOffOptions {
  /** Whether infinite numbers and NaN are an error, or only counted. Default: `refuse`. */
  readonly nonFinite?: 'refuse' | 'count';
  /** Larger batches are rejected before memory is allocated. Default: 1 GiB. */
  readonly maxBatchBytes?: number;
}

export interface ReceivedBatch extends HandOffBatch {
  /** The number of infinite values and NaN in `tokens`. */
  readonly nonFinite: number;
}

export interface ReceivedHandOff {
  readonly header: HandOffHeader;
  /** Can be iterated once. Each batch is read on demand. */
  readonly batches: AsyncIterable<ReceivedBatch>;
}

/** Far more than the message headers of a stream need. */
const largestMessage = 2 ** 20;
/** An upper bound for the padding and validity bitmaps of a column, in bytes. */
const slack = 256;

const bytesPerElement = { f32: 4, f16: 2, bf16: 2 } as const;

/**
 * Reads a stream of `writeHandOff` from chunks of any size. The receiver validates everything: lengths are compared with the header before
 * memory is allocated, and all values except the tokens' are checked against their range.
 *
 * Tokens in f32, image indices and coordinates are views of the received bytes; f16 and bf16 are converted to f32.
 *
 * @throws HandOffError (here, and while batches are read) if the stream has another format or version, is damaged or truncated, or
 *   contains numbers that are not finite
 */
export async function readHandOff(
  chunks: AsyncIterable<Uint8Array>,
  { nonFinite = 'refuse', maxBatchBytes = 2 ** 30 }: ReadHandOffOptions = {},
): Promise<ReceivedHandOff> {
  const reader = new ByteReader(chunks);
  const first = await nextMessage(reader, 'the schema');
  if (first?.kind !== 'schema') throw new HandOffError('is not a stream of tokens: it does not begin with a schema');
  if (first.bodyLength !== 0) throw new HandOffError(`is damaged: a schema with ${first.bodyLength} bytes of data`);
  if (first.schema.bigEndian) throw new HandOffError('has big-endian numbers; expected little-endian ones');
  const header = headerOf(first.schema, maxBatchBytes);
  explain('its schema', () => checkSchema(first.schema, header));
  return { header, batches: readBatches(reader, header, nonFinite) };
}

function headerOf(schema: ArrowSchema, maxBatchBytes: number): HandOffHeader {
  const header = parseHeader(schema.metadata.get(headerKey));
  const bytes = batchBytes(header, header.batchSize);
  if (bytes > maxBatchBytes)
    throw new HandOffError(
      `announces batches of ${bytes} bytes ([${header.batchSize}, ${header.tokens}, ${header.width}] ${header.dtype}); at most ${maxBatchBytes} are accepted`,
    );
  return header;
}

/** An upper bound for the size of a batch of `size` sequences, in bytes. */
function batchBytes(header: HandOffHeader, size: number): number {
  const { tokens, width, dtype, layout } = header;
  const places = layout === 'packed' ? 12 * tokens : 0;
  return size * (tokens * width * bytesPerElement[dtype] + Math.ceil(tokens / 8) + places + longestId + 8) + 8 * slack;
}

async function* readBatches(
  reader: ByteReader,
  header: HandOffHeader,
  nonFinite: 'refuse' | 'count',
): AsyncGenerator<ReceivedBatch, void, undefined> {
  const places = header.layout === 'grid' ? placesOnGrid(header, header.batchSize) : null;
  for (let number = 0; ; number++) {
    const what = `batch ${number}`;
    const message = await nextMessage(reader, `${what} or the end-of-stream mark`);
    if (message === null) break;
    if (message.kind !== 'batch') throw new HandOffError(`is damaged: a second ${message.kind}`);
    const { bodyLength, batch: entry } = message;
    if (entry.rows < 1 || entry.rows > header.batchSize)
      throw new HandOffError(`${what}: ${entry.rows} sequences; the header announces 1 to ${header.batchSize}`);
    if (bodyLength > batchBytes(header, entry.rows))
      throw new HandOffError(
        `${what}: announces ${bodyLength} bytes for ${entry.rows} sequences; at most ${batchBytes(header, entry.rows)} are possible`,
      );
    if (entry.compression !== null) throw new HandOffError(`${what}: is compressed; expected plain numbers`);
    const body = await reader.exactly(bodyLength, `${what}'s data`);
    const batch = explain(what, () => decodeBatch(header, entry, body, places));
    if (nonFinite === 'refuse' && batch.nonFinite > 0)
      throw new HandOffError(
        `${what}: tokens: ${batch.nonFinite} of ${batch.tokens.length} numbers are infinite or NaN`,
      );
    yield batch;
  }
  if (!(await reader.atEnd()))
    throw new HandOffError(`is damaged: bytes follow the end of the stream at byte ${reader.position}`);
}

/** Runs `body` and adds `what` to its errors. */
function explain<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new HandOffError(`${what}: ${(error as Error).message}`);
  }
}

/** The header of the next message; null at the end-of-stream mark. */
async function nextMessage(reader: ByteReader, what: string): Promise<DecodedMessage | null> {
  const start = reader.position;
  const prefix = new DataView((await reader.exactly(8, what)).buffer);
  if (prefix.getUint32(0, true) !== continuation)
    throw new HandOffError(
      start === 0
        ? 'is not a stream of tokens: it is not an Arrow IPC stream'
        : `is damaged: no message starts at byte ${start}`,
    );
  const length = prefix.getInt32(4, true);
  if (length === 0) return null;
  if (length < 0 || length > largestMessage)
    throw new HandOffError(`is damaged: ${what} announces a header of ${length} bytes at byte ${start}`);
  const bytes = await reader.exactly(length, `the header of ${what}`);
  return explain(`is damaged: ${what} (byte ${start})`, () =>
    decodeMessage(bytes, (problem) => {
      throw new Error(problem);
    }),
  );
}

/** Walks through the arrays and buffers of a record batch in the order of the schema's columns. */
class BatchCursor {
  readonly #entry: RecordBatchEntry;
  readonly #body: Uint8Array<ArrayBuffer>;
  #node = 0;
  #buffer = 0;

  constructor(entry: RecordBatchEntry, body: Uint8Array<ArrayBuffer>) {
    this.#entry = entry;
    this.#body = body;
  }

  /** Skips an array's node and its validity bitmap. @throws if its length is wrong, or if it has nulls */
  array(name: string, length: number): void {
    const node = this.#entry.nodes[this.#node++];
    this.#buffer++;
    if (node?.length !== length) throw new Error(`${name}: ${node?.length ?? 'no'} values; expected ${length}`);
    if (node.nullCount !== 0) throw new Error(`${name}: ${node.nullCount} values are null`);
  }

  /** The first elements of the next buffer: a view of the body if they are aligned, otherwise a copy. */
  values(name: string, dtype: DType, length: number): ReturnType<typeof viewArray> {
    const region = this.#entry.buffers[this.#buffer++];
    const bytes = length * elementBytes[dtype];
    if (region === undefined || region.length < bytes)
      throw new Error(`${name}: ${region?.length ?? 0} bytes of data; expected ${bytes}`);
    const { buffer } = this.#body;
    const aligned = region.offset % 8 === 0;
    if (aligned) return viewArray(dtype, buffer, region.offset, length);
    return viewArray(dtype, buffer.slice(region.offset, region.offset + bytes), 0, length);
  }

  /** @throws if arrays or buffers are left that belong to no column */
  end(): void {
    const { nodes, buffers } = this.#entry;
    if (this.#node !== nodes.length || this.#buffer !== buffers.length)
      throw new Error(`${nodes.length} arrays in ${buffers.length} buffers; expected ${this.#node} in ${this.#buffer}`);
  }
}

const elementBytes: Readonly<Record<DType, number>> = { f32: 4, f64: 8, f16: 2, bf16: 2, i32: 4, u8: 1, bool: 1 };

function decodeBatch(
  header: HandOffHeader,
  entry: RecordBatchEntry,
  body: Uint8Array<ArrayBuffer>,
  places: Int32Array | null,
): ReceivedBatch {
  const size = entry.rows;
  const cursor = new BatchCursor(entry, body);
  const found: Record<string, ReturnType<typeof viewArray>> = {};
  for (const { field, elements } of tensorColumns(header)) {
    const { name } = field;
    const length = size * elements;
    cursor.array(name, size);
    cursor.array(name, length);
    if (name === 'tokens') found[name] = cursor.values(name, header.dtype, length);
    else if (name === 'mask') found[name] = unpackBits(cursor.values(name, 'u8', Math.ceil(length / 8)), length);
    else found[name] = cursor.values(name, 'i32', length);
  }
  const ids = decodeIds(cursor, size);
  cursor.end();
  const stored = found.tokens as ReturnType<typeof viewArray>;
  const batch: ReceivedBatch = {
    size,
    tokens: decodeArray(header.dtype, stored) as Float32Array,
    mask: (found.mask as Uint8Array | undefined) ?? null,
    image: (found.image as Int32Array | undefined) ?? null,
    coordinates: places === null ? (found.coordinates as Int32Array) : places.subarray(0, size * header.tokens * 2),
    ids,
    nonFinite: countNonFinite(header.dtype, stored),
  };
  checkBatch(header, batch);
  return batch;
}

function unpackBits(bits: ReturnType<typeof viewArray>, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((bits[i >> 3] as number) >> (i & 7)) & 1);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeIds(cursor: BatchCursor, size: number): string[] {
  cursor.array('id', size);
  const offsets = cursor.values('id', 'i32', size + 1) as Int32Array;
  for (let i = 0; i < size; i++) {
    const bytes = (offsets[i + 1] as number) - (offsets[i] as number);
    if ((offsets[i] as number) < 0 || bytes < 0 || bytes > longestId)
      throw new Error(`id: number ${i} has ${bytes} bytes; expected 0 to ${longestId}`);
  }
  const text = cursor.values('id', 'u8', offsets[size] as number) as Uint8Array;
  return Array.from({ length: size }, (_, i) => {
    try {
      return utf8.decode(text.subarray(offsets[i], offsets[i + 1]));
    } catch {
      throw new Error(`id: number ${i} is not UTF-8`);
    }
  });
}
