/** The messages of an Arrow IPC stream or file: schema, dictionaries and record batches, decoded and checked without reading their data. */
import { CompressionType } from 'apache-arrow/fb/compression-type';
import { DictionaryBatch as FlatDictionaryBatch } from 'apache-arrow/fb/dictionary-batch';
import { Message as FlatMessage } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch as FlatRecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema as FlatSchema } from 'apache-arrow/fb/schema';
import * as flatbuffers from 'flatbuffers';
import { errorMessage } from '../io/file-system.ts';
import type { ByteSource } from '../store/source.ts';
import { type ArrowSchema, decodeSchema } from './schema.ts';

/** The byte range of one Arrow buffer in a file. */
export interface BufferRegion {
  /** From the file's start. */
  offset: number;
  length: number;
}

/** How the buffers of a record batch are compressed. */
export type Compression = 'lz4' | 'zstd';

/** The place of one record batch in its file. */
export interface RecordBatchEntry {
  rows: number;
  /** Length and null count of each array, children after their parent. */
  nodes: { length: number; nullCount: number }[];
  buffers: BufferRegion[];
  /** The number of data buffers of each string or binary view, in the order of the arrays. */
  viewBuffers: number[];
  compression: Compression | null;
}

/** The values of a dictionary, in the pieces in which they were written. */
type Dictionaries = ReadonlyMap<string, readonly RecordBatchEntry[]>;

/** A record batch and the dictionaries as they are at its place in the stream. */
export interface IndexedBatch {
  readonly entry: RecordBatchEntry;
  readonly dictionaries: Dictionaries;
}

/** The content of the message headers of one Arrow file: its schema, and the place of each record batch. */
export interface StreamIndex {
  schema: ArrowSchema;
  batches: IndexedBatch[];
}

/** An Arrow file that is missing, truncated or corrupt. */
export class ArrowFileError extends Error {
  override name = 'ArrowFileError';
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}. Build or copy the dataset again.`);
  }
}

/** The marker at the start of every message of a stream. */
export const continuation = 0xffffffff;
const bigEndian =
  'is an Arrow file whose numbers are big-endian, and only little-endian files are read: write it again on a machine with little-endian numbers, which almost all are';
/** Far more than a schema of thousands of columns needs. */
const largestHeader = 256 * 2 ** 20;
/** Headers of remote files are read in pieces of this size. */
const aheadBytes = 64 * 1024;

const magic = 'ARROW1';
/** In an IPC file, the stream starts after the magic word and two bytes of padding. */
const fileStart = 8;

/** Reads small ranges in ascending order; of a remote file, a larger piece at a time. */
function headerReader(source: ByteSource): (start: number, length: number) => Promise<Uint8Array<ArrayBuffer>> {
  const { readSync } = source;
  if (readSync !== undefined) return async (start, length) => readSync(start, start + length);
  let piece = { start: 0, bytes: new Uint8Array() };
  return async (start, length) => {
    const end = start + length;
    if (start < piece.start || end > piece.start + piece.bytes.byteLength) {
      const bytes = await source.read(start, Math.min(source.size, Math.max(end, start + aheadBytes)));
      piece = { start, bytes };
    }
    return piece.bytes.slice(start - piece.start, end - piece.start);
  };
}

/** Where the messages of a file are: all of it for a stream; for an IPC file, the part between magic word and footer. */
async function messageRange(
  source: ByteSource,
  read: ReturnType<typeof headerReader>,
  fail: (problem: string) => never,
): Promise<{ start: number; end: number; isFile: boolean }> {
  const { size } = source;
  const begins = size < fileStart ? '' : String.fromCharCode(...(await read(0, magic.length)));
  if (begins !== magic) return { start: 0, end: size, isFile: false };
  const tail = size < 22 ? null : await source.read(size - 10, size);
  if (tail === null || String.fromCharCode(...tail.subarray(4)) !== magic)
    return fail(`is truncated: it is an Arrow IPC file, and does not end with ${magic} at byte ${size - magic.length}`);
  const footer = new DataView(tail.buffer, tail.byteOffset).getInt32(0, true);
  const end = size - 10 - footer;
  if (footer <= 0 || end < fileStart)
    return fail(`is corrupt: it claims a footer of ${footer} bytes at byte ${size - 10}`);
  return { start: fileStart, end, isFile: true };
}

/**
 * Reads the message headers of an Arrow IPC stream or IPC file and skips the bodies, so that opening a file is fast and its size is not
 * limited to 2 GiB. Every length is compared with the file's size before it is used.
 *
 * @throws ArrowFileError if the file is truncated or corrupt, or big-endian
 */
export async function indexStream(source: ByteSource): Promise<StreamIndex> {
  const { size, url } = source;
  const fail = (problem: string): never => {
    throw new ArrowFileError(url, problem);
  };
  if (size === 0) fail('is empty; expected an Arrow IPC stream');
  const read = headerReader(source);
  const { start, end, isFile } = await messageRange(source, read, fail);
  let position = start;
  let schema: ArrowSchema | null = null;
  const batches: IndexedBatch[] = [];
  let dictionaries: Dictionaries = new Map();
  const done = (): StreamIndex => {
    if (!schema) return fail('is corrupt: the stream ends before its schema');
    // A file may hold a dictionary after the record batches that use it, and never replaces one.
    return { schema, batches: isFile ? batches.map(({ entry }) => ({ entry, dictionaries })) : batches };
  };
  for (let messages = 0; ; messages++) {
    if (isFile && position === end) return done();
    const what = schema ? `message ${messages} after the schema` : 'the schema';
    if (end - position < 8) {
      return fail(
        `is truncated: the file ends at byte ${end}; expected ${what} or the end-of-stream mark (8 bytes at byte ${position})`,
      );
    }
    const prefix = new DataView((await read(position, 8)).buffer);
    if (prefix.getUint32(0, true) !== continuation)
      fail(`is not an Arrow IPC stream, or is corrupt: no message starts at byte ${position}`);
    const headerLength = prefix.getInt32(4, true);
    position += 8;
    if (headerLength === 0) {
      if (position !== end && !isFile)
        fail(`is corrupt: the stream ends at byte ${position}, but ${end - position} bytes follow`);
      return done();
    }
    if (headerLength < 0 || headerLength > largestHeader) {
      fail(`is corrupt: ${what} claims a header of ${headerLength} bytes at byte ${position}`);
    }
    if (headerLength > end - position) {
      fail(
        `is truncated: ${what} has a header of ${headerLength} bytes at byte ${position}, but the file ends at ${end}`,
      );
    }
    const header = await read(position, headerLength);
    const message = decodeMessage(header, (problem) => fail(`is corrupt: ${what} (byte ${position}): ${problem}`));
    position += headerLength;
    if (message.bodyLength > end - position) {
      fail(
        `is truncated: ${what} has ${message.bodyLength} bytes of data at byte ${position}, but the file ends at ${end}`,
      );
    }
    if (message.kind === 'schema') {
      if (schema) fail(`is corrupt: a second schema before byte ${position}`);
      if (message.schema.bigEndian) throw new Error(`${url}: ${bigEndian}`);
      schema = message.schema;
    } else {
      if (!schema) return fail('is corrupt: it starts with data instead of a schema');
      for (const buffer of message.batch.buffers) buffer.offset += position;
      if (message.kind === 'batch') batches.push({ entry: message.batch, dictionaries });
      else {
        const pieces = message.isDelta ? (dictionaries.get(message.id) ?? []) : [];
        dictionaries = new Map([...dictionaries, [message.id, [...pieces, message.batch]]]);
      }
    }
    position += message.bodyLength;
  }
}

export type DecodedMessage =
  | { kind: 'schema'; schema: ArrowSchema; bodyLength: number }
  | { kind: 'batch'; batch: RecordBatchEntry; bodyLength: number }
  | { kind: 'dictionary'; id: string; isDelta: boolean; batch: RecordBatchEntry; bodyLength: number };

/**
 * Decodes the header of a message. Offsets of buffers are relative to the start of the message's body. Counts that cannot fit into the
 * header's bytes are rejected before any loop uses them.
 *
 * @param fail called with the reason if the header is damaged or not supported
 */
export function decodeMessage(header: Uint8Array, fail: (problem: string) => never): DecodedMessage {
  try {
    const message = FlatMessage.getRootAsMessage(new flatbuffers.ByteBuffer(header));
    const bodyLength = Number(message.bodyLength());
    if (!(bodyLength >= 0)) fail(`its body has ${bodyLength} bytes`);
    if (message.customMetadataLength() * 4 > header.byteLength) fail('impossible counts in its metadata');
    const kind = message.headerType();
    if (kind === MessageHeader.Schema) {
      const schema = decodeSchema(message.header(new FlatSchema()) as FlatSchema, header.byteLength);
      return { kind: 'schema', schema, bodyLength };
    }
    const decode = (batch: FlatRecordBatch): RecordBatchEntry =>
      checkRegions(decodeRecordBatch(batch, header.byteLength), bodyLength);
    if (kind === MessageHeader.RecordBatch)
      return { kind: 'batch', batch: decode(message.header(new FlatRecordBatch()) as FlatRecordBatch), bodyLength };
    if (kind === MessageHeader.DictionaryBatch) {
      const dictionary = message.header(new FlatDictionaryBatch()) as FlatDictionaryBatch;
      const data = dictionary.data();
      if (data === null) return fail('a dictionary without values');
      const [id, isDelta] = [String(dictionary.id()), dictionary.isDelta()];
      return { kind: 'dictionary', id, isDelta, batch: decode(data), bodyLength };
    }
    return fail(`unknown message type ${kind}`);
  } catch (error) {
    if (error instanceof ArrowFileError) throw error;
    return fail(errorMessage(error));
  }
}

function checkRegions(batch: RecordBatchEntry, bodyLength: number): RecordBatchEntry {
  for (const { offset, length } of batch.buffers) {
    if (offset < 0 || length < 0 || offset + length > bodyLength)
      throw new Error(`it has a buffer of ${length} bytes at byte ${offset} of a body of ${bodyLength} bytes`);
  }
  return batch;
}

function compressionOf(batch: FlatRecordBatch): Compression | null {
  const compression = batch.compression();
  if (compression === null) return null;
  const codec = compression.codec();
  if (codec === CompressionType.LZ4_FRAME) return 'lz4';
  if (codec === CompressionType.ZSTD) return 'zstd';
  throw new Error(`compression number ${codec} is unknown; LZ4 and ZSTD are read`);
}

function decodeRecordBatch(batch: FlatRecordBatch, headerBytes: number): RecordBatchEntry {
  const views = batch.variadicBufferCountsLength();
  // Each field node and each buffer takes 16 bytes, each count 8.
  // A damaged count can be negative, and would make room for another one.
  const counts = [batch.nodesLength(), batch.buffersLength(), views] as const;
  if (Math.min(...counts) < 0 || (counts[0] + counts[1]) * 16 + views * 8 > headerBytes)
    throw new Error('impossible counts of arrays or buffers');
  const rows = Number(batch.length());
  const nodes = Array.from({ length: batch.nodesLength() }, (_, i) => {
    const node = batch.nodes(i);
    return { length: Number(node?.length() ?? -1), nullCount: Number(node?.nullCount() ?? -1) };
  });
  const buffers = Array.from({ length: batch.buffersLength() }, (_, i) => {
    const buffer = batch.buffers(i);
    return { offset: Number(buffer?.offset() ?? -1), length: Number(buffer?.length() ?? -1) };
  });
  const viewBuffers = Array.from({ length: views }, (_, i) => Number(batch.variadicBufferCounts(i) ?? -1));
  if (!(rows >= 0) || nodes.some((node) => node.length < 0) || viewBuffers.some((count) => count < 0))
    throw new Error('a negative length');
  return { rows, nodes, buffers, viewBuffers, compression: compressionOf(batch) };
}
