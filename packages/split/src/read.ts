import { continuation, type DecodedMessage, decodeMessage, type RecordBatchEntry } from '@tessera/data/arrow';
import { type DType, decodeArray, viewArray } from '@tessera/tensor';
import type { Schema } from 'apache-arrow';
import { checkBatch, countNonFinite, type HandOffBatch, longestId, placesOnGrid } from './batch.ts';
import { ByteReader } from './byte-reader.ts';
import { HandOffError, type HandOffHeader, headerKey, parseHeader } from './header.ts';
import { checkSchema, tensorColumns } from './schema.ts';

export interface ReadHandOffOptions {
  /** Numbers that are infinite or NaN end the reading with an error, or are counted only. Default: `refuse`. */
  readonly nonFinite?: 'refuse' | 'count';
  /** A header that announces larger batches is refused before memory is asked for. Default: 1 GiB. */
  readonly maxBatchBytes?: number;
}

export interface ReceivedBatch extends HandOffBatch {
  /** Numbers among `tokens` that are infinite or NaN. */
  readonly nonFinite: number;
}

export interface ReceivedHandOff {
  readonly header: HandOffHeader;
  /** To be gone through once. Each batch is read when it is asked for. */
  readonly batches: AsyncIterable<ReceivedBatch>;
}

/** Far above what the messages of a hand-off need. */
const largestMessage = 2 ** 20;
/** Padding and validity bitmaps of a column, at most. */
const slack = 256;

const bytesPerElement = { f32: 4, f16: 2, bf16: 2 } as const;

/**
 * Reads what `writeHandOff` wrote, from chunks of any sizes. Nothing is believed before it was checked: lengths are held against the header
 * before memory is asked for, and every value but the tokens' own against its range.
 *
 * Tokens in f32, image numbers and coordinates are views of the received bytes; f16 and bf16 are widened.
 *
 * @throws HandOffError (here, and while the batches are read) where the stream is no hand-off, has another version, is damaged or cut
 *   off, or holds numbers that are not finite
 */
export async function readHandOff(
  chunks: AsyncIterable<Uint8Array>,
  { nonFinite = 'refuse', maxBatchBytes = 2 ** 30 }: ReadHandOffOptions = {},
): Promise<ReceivedHandOff> {
  const reader = new ByteReader(chunks);
  const first = await nextMessage(reader, 'the schema');
  if (first?.kind !== 'schema') throw new HandOffError('is no hand-off: it does not begin with a schema');
  if (first.bodyLength !== 0) throw new HandOffError(`is damaged: a schema with ${first.bodyLength} bytes of data`);
  const header = headerOf(first.schema, maxBatchBytes);
  explain('its schema', () => checkSchema(first.schema, header));
  return { header, batches: readBatches(reader, header, nonFinite) };
}

function headerOf(schema: Schema, maxBatchBytes: number): HandOffHeader {
  const header = parseHeader(schema.metadata.get(headerKey));
  const bytes = batchBytes(header, header.batchSize);
  if (bytes > maxBatchBytes)
    throw new HandOffError(
      `announces batches of ${bytes} bytes ([${header.batchSize}, ${header.tokens}, ${header.width}] ${header.dtype}); at most ${maxBatchBytes} are taken`,
    );
  return header;
}

/** The most that a batch of `size` sequences can take. */
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
    if (message.kind === 'schema') throw new HandOffError('is damaged: a second schema');
    const { bodyLength, batch: entry } = message;
    if (entry.rows < 1 || entry.rows > header.batchSize)
      throw new HandOffError(`${what}: ${entry.rows} sequences, where 1 to ${header.batchSize} are announced`);
    if (bodyLength > batchBytes(header, entry.rows))
      throw new HandOffError(
        `${what}: claims ${bodyLength} bytes for ${entry.rows} sequences; ${batchBytes(header, entry.rows)} are the most`,
      );
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

/** Says what an error is about. */
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
        ? 'is no hand-off: no Arrow IPC stream begins here'
        : `is damaged: no message begins at byte ${start}`,
    );
  const length = prefix.getInt32(4, true);
  if (length === 0) return null;
  if (length < 0 || length > largestMessage)
    throw new HandOffError(`is damaged: ${what} claims a header of ${length} bytes at byte ${start}`);
  const bytes = await reader.exactly(length, `the header of ${what}`);
  return explain(`is damaged: ${what} (byte ${start})`, () =>
    decodeMessage(bytes, (problem) => {
      throw new Error(problem);
    }),
  );
}

/** Walks a record batch's arrays and buffers in the order of the schema's columns. */
class BatchCursor {
  readonly #entry: RecordBatchEntry;
  readonly #body: Uint8Array<ArrayBuffer>;
  #node = 0;
  #buffer = 0;

  constructor(entry: RecordBatchEntry, body: Uint8Array<ArrayBuffer>) {
    this.#entry = entry;
    this.#body = body;
  }

  /** Passes over an array's node and its validity bitmap. @throws where its length is another, or values are missing */
  array(name: string, length: number): void {
    const node = this.#entry.nodes[this.#node++];
    this.#buffer++;
    if (node?.length !== length)
      throw new Error(`${name}: ${node?.length ?? 'no'} values, where ${length} were expected`);
    if (node.nullCount !== 0) throw new Error(`${name}: ${node.nullCount} values are missing`);
  }

  /** The next buffer's first elements: a view of the body, where they lie as they must. */
  values(name: string, dtype: DType, length: number): ReturnType<typeof viewArray> {
    const region = this.#entry.buffers[this.#buffer++];
    const bytes = length * elementBytes[dtype];
    if (region === undefined || region.length < bytes)
      throw new Error(`${name}: ${region?.length ?? 0} bytes of data, where ${bytes} were expected`);
    const { buffer } = this.#body;
    const aligned = region.offset % 8 === 0;
    if (aligned) return viewArray(dtype, buffer, region.offset, length);
    return viewArray(dtype, buffer.slice(region.offset, region.offset + bytes), 0, length);
  }

  /** @throws where something is left that no column claims */
  end(): void {
    const { nodes, buffers } = this.#entry;
    if (this.#node !== nodes.length || this.#buffer !== buffers.length)
      throw new Error(
        `${nodes.length} arrays in ${buffers.length} buffers, where ${this.#node} in ${this.#buffer} were expected`,
      );
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
      throw new Error(`id: number ${i} claims ${bytes} bytes`);
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
