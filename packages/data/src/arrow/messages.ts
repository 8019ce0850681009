/** The messages of an Arrow IPC stream: schema and record batches, decoded and checked without reading their data. */
import fs from 'node:fs';
import { Message, type Schema } from 'apache-arrow';
import type { Field as FlatField } from 'apache-arrow/fb/field';
import { Message as FlatMessage } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch as FlatRecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema as FlatSchema } from 'apache-arrow/fb/schema';
import * as flatbuffers from 'flatbuffers';
import { errorCode, errorMessage, readExactly } from '../io/file-system.ts';

/** The byte range of one Arrow buffer in a file. */
export interface BufferRegion {
  /** From the file's start. */
  offset: number;
  length: number;
}

/** The place of one record batch in its file. */
export interface RecordBatchEntry {
  rows: number;
  /** Length and null count of each array, children after their parent. */
  nodes: { length: number; nullCount: number }[];
  buffers: BufferRegion[];
}

/** The content of the message headers of one Arrow IPC stream file: its schema, and the place of each record batch. */
export interface StreamIndex {
  schema: Schema;
  batches: RecordBatchEntry[];
  rows: number;
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
/** Far more than a schema of thousands of columns needs. */
const largestHeader = 256 * 2 ** 20;

/**
 * Reads the message headers of the Arrow IPC stream in `fd` and skips the bodies, so that opening a file is fast and its size is not
 * limited to 2 GiB. Every length is compared with the file's size before it is used.
 *
 * @throws ArrowFileError if the file is truncated or corrupt
 */
export function indexStream(fd: number, path: string): StreamIndex {
  const size = fs.fstatSync(fd).size;
  const fail = (problem: string): never => {
    throw new ArrowFileError(path, problem);
  };
  if (size === 0) fail('is empty; expected an Arrow IPC stream');
  let position = 0;
  let schema: Schema | null = null;
  const batches: RecordBatchEntry[] = [];
  let rows = 0;
  for (;;) {
    const what = schema ? `message ${batches.length + 1} after the schema` : 'the schema';
    if (size - position < 8) {
      return fail(
        `is truncated: the file ends at byte ${size}; expected ${what} or the end-of-stream mark (8 bytes at byte ${position})`,
      );
    }
    const prefix = new DataView(readExactly(fd, position, 8).buffer);
    if (prefix.getUint32(0, true) !== continuation) {
      const magic = String.fromCharCode(...new Uint8Array(prefix.buffer, 0, 6));
      return fail(
        magic === 'ARROW1'
          ? 'is an Arrow IPC file; expected the IPC stream format, which `datasets` saves'
          : `is not an Arrow IPC stream, or is corrupt: no message starts at byte ${position}`,
      );
    }
    const headerLength = prefix.getInt32(4, true);
    position += 8;
    if (headerLength === 0) {
      if (position !== size)
        fail(`is corrupt: the stream ends at byte ${position}, but ${size - position} bytes follow`);
      if (!schema) return fail('is corrupt: the stream ends before its schema');
      return { schema, batches, rows };
    }
    if (headerLength < 0 || headerLength > largestHeader) {
      fail(`is corrupt: ${what} claims a header of ${headerLength} bytes at byte ${position}`);
    }
    if (headerLength > size - position) {
      fail(
        `is truncated: ${what} has a header of ${headerLength} bytes at byte ${position}, but the file ends at ${size}`,
      );
    }
    const header = readExactly(fd, position, headerLength);
    position += headerLength;
    const message = decodeMessage(header, (problem) => fail(`is corrupt: ${what} (byte ${position}): ${problem}`));
    if (message.bodyLength > size - position) {
      fail(
        `is truncated: ${what} has ${message.bodyLength} bytes of data at byte ${position}, but the file ends at ${size}`,
      );
    }
    if (message.kind === 'schema') {
      if (schema) fail(`is corrupt: a second schema before byte ${position}`);
      schema = message.schema;
    } else {
      if (!schema) return fail('is corrupt: it starts with data instead of a schema');
      for (const buffer of message.batch.buffers) buffer.offset += position;
      batches.push(message.batch);
      rows += message.batch.rows;
    }
    position += message.bodyLength;
  }
}

export type DecodedMessage =
  | { kind: 'schema'; schema: Schema; bodyLength: number }
  | { kind: 'batch'; batch: RecordBatchEntry; bodyLength: number };

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
    const kind = message.headerType();
    if (kind === MessageHeader.Schema) {
      checkSchemaCounts(message.header(new FlatSchema()) as FlatSchema, header.byteLength);
      return { kind: 'schema', schema: decodeSchema(header), bodyLength };
    }
    if (kind === MessageHeader.RecordBatch) {
      const batch = decodeRecordBatch(message.header(new FlatRecordBatch()) as FlatRecordBatch, header.byteLength);
      for (const { offset, length } of batch.buffers) {
        if (offset < 0 || length < 0 || offset + length > bodyLength) {
          fail(`it has a buffer of ${length} bytes at byte ${offset} of a body of ${bodyLength} bytes`);
        }
      }
      return { kind: 'batch', batch, bodyLength };
    }
    return fail(
      kind === MessageHeader.DictionaryBatch
        ? 'dictionary-encoded columns are not supported'
        : `unknown message type ${kind}`,
    );
  } catch (error) {
    if (error instanceof ArrowFileError) throw error;
    return fail(errorMessage(error));
  }
}

function decodeSchema(header: Uint8Array): Schema {
  const message = Message.decode(header);
  if (!message.isSchema()) throw new Error('expected a schema');
  return message.header();
}

function decodeRecordBatch(batch: FlatRecordBatch, headerBytes: number): RecordBatchEntry {
  if (batch.compression()) throw new Error('compressed record batches are not supported; save without compression');
  // Each field node and each buffer takes 16 bytes.
  if ((batch.nodesLength() + batch.buffersLength()) * 16 > headerBytes)
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
  if (!(rows >= 0) || nodes.some((node) => node.length < 0)) throw new Error('a negative length');
  return { rows, nodes, buffers };
}

/** @throws for vectors that are longer than the header allows: each element takes at least 4 bytes. */
function checkSchemaCounts(schema: FlatSchema, headerBytes: number): void {
  let budget = headerBytes / 4;
  const spend = (count: number): void => {
    budget -= count;
    if (budget < 0) throw new Error('impossible counts in the schema');
  };
  const visit = (field: FlatField | null): void => {
    if (!field) return;
    spend(1 + field.childrenLength() + field.customMetadataLength());
    for (let i = 0; i < field.childrenLength(); i++) visit(field.children(i));
  };
  spend(schema.fieldsLength() + schema.customMetadataLength());
  for (let i = 0; i < schema.fieldsLength(); i++) visit(schema.fields(i));
}

/** Opens `path` for reading. @throws ArrowFileError if the file cannot be opened. */
export function openArrowFile(path: string): number {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    throw new ArrowFileError(path, missing ? 'is missing' : `cannot be opened (${errorMessage(error)})`);
  }
}
