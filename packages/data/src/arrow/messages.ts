import fs from 'node:fs';
import { Message, type Schema } from 'apache-arrow';
import type { Field as FlatField } from 'apache-arrow/fb/field';
import { Message as FlatMessage } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { RecordBatch as FlatRecordBatch } from 'apache-arrow/fb/record-batch';
import { Schema as FlatSchema } from 'apache-arrow/fb/schema';
import * as flatbuffers from 'flatbuffers';
import { errorCode, errorMessage, readExactly } from '../io/file-system.ts';

/** Bytes of a file that hold one Arrow buffer. */
export interface BufferRegion {
  /** From the file's start. */
  offset: number;
  length: number;
}

/** Where one record batch lies in its file. */
export interface RecordBatchEntry {
  rows: number;
  /** Length and null count of each array, children after their parent. */
  nodes: { length: number; nullCount: number }[];
  buffers: BufferRegion[];
}

/** What the message headers of one Arrow IPC stream file tell: the schema, and where each record batch lies. */
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

/** What every message of a stream begins with. */
export const continuation = 0xffffffff;
/** Far above what a schema of thousands of columns needs. */
const largestHeader = 256 * 2 ** 20;

/**
 * Walks the message headers of the Arrow IPC stream in `fd` and skips the bodies, so that opening is quick and files beyond
 * 2 GiB are no matter. Every length is held against the file's before it is believed.
 */
export function indexStream(fd: number, path: string): StreamIndex {
  const size = fs.fstatSync(fd).size;
  const fail = (problem: string): never => {
    throw new ArrowFileError(path, problem);
  };
  if (size === 0) fail('is empty; an Arrow IPC stream was expected');
  let position = 0;
  let schema: Schema | null = null;
  const batches: RecordBatchEntry[] = [];
  let rows = 0;
  for (;;) {
    const what = schema ? `message ${batches.length + 1} after the schema` : 'the schema';
    if (size - position < 8) {
      return fail(
        `is truncated: the file ends at byte ${size}, where ${what} or the end-of-stream mark (8 bytes at byte ${position}) was expected`,
      );
    }
    const prefix = new DataView(readExactly(fd, position, 8).buffer);
    if (prefix.getUint32(0, true) !== continuation) {
      const magic = String.fromCharCode(...new Uint8Array(prefix.buffer, 0, 6));
      return fail(
        magic === 'ARROW1'
          ? 'is an Arrow IPC file; the IPC stream format, as `datasets` saves it, was expected'
          : `is not an Arrow IPC stream, or is corrupt: no message starts at byte ${position}`,
      );
    }
    const headerLength = prefix.getInt32(4, true);
    position += 8;
    if (headerLength === 0) {
      if (position !== size)
        fail(`is corrupt: the stream ends at byte ${position}, and ${size - position} bytes follow it`);
      if (!schema) return fail('is corrupt: the stream ends before its schema');
      return { schema, batches, rows };
    }
    if (headerLength < 0 || headerLength > largestHeader) {
      fail(`is corrupt: ${what} claims a header of ${headerLength} bytes at byte ${position}`);
    }
    if (headerLength > size - position) {
      fail(`is truncated: ${what} has a header of ${headerLength} bytes at byte ${position}, the file ends at ${size}`);
    }
    const header = readExactly(fd, position, headerLength);
    position += headerLength;
    const message = decodeMessage(header, (problem) => fail(`is corrupt: ${what} (byte ${position}): ${problem}`));
    if (message.bodyLength > size - position) {
      fail(
        `is truncated: ${what} has ${message.bodyLength} bytes of data at byte ${position}, the file ends at ${size}`,
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
 * Decodes a message's header; buffers' offsets count from the start of its body. A count that cannot fit into the header's own bytes is
 * refused before anything is looped over.
 */
export function decodeMessage(header: Uint8Array, fail: (problem: string) => never): DecodedMessage {
  try {
    const message = FlatMessage.getRootAsMessage(new flatbuffers.ByteBuffer(header));
    const bodyLength = Number(message.bodyLength());
    if (!(bodyLength >= 0)) fail(`a body of ${bodyLength} bytes`);
    const kind = message.headerType();
    if (kind === MessageHeader.Schema) {
      checkSchemaCounts(message.header(new FlatSchema()) as FlatSchema, header.byteLength);
      return { kind: 'schema', schema: decodeSchema(header), bodyLength };
    }
    if (kind === MessageHeader.RecordBatch) {
      const batch = decodeRecordBatch(message.header(new FlatRecordBatch()) as FlatRecordBatch, header.byteLength);
      for (const { offset, length } of batch.buffers) {
        if (offset < 0 || length < 0 || offset + length > bodyLength) {
          fail(`a buffer of ${length} bytes at ${offset}, in a body of ${bodyLength} bytes`);
        }
      }
      return { kind: 'batch', batch, bodyLength };
    }
    return fail(
      kind === MessageHeader.DictionaryBatch
        ? 'dictionary-encoded columns are not supported'
        : `unknown kind of message (${kind})`,
    );
  } catch (error) {
    if (error instanceof ArrowFileError) throw error;
    return fail(errorMessage(error));
  }
}

function decodeSchema(header: Uint8Array): Schema {
  const message = Message.decode(header);
  if (!message.isSchema()) throw new Error('not a schema');
  return message.header();
}

function decodeRecordBatch(batch: FlatRecordBatch, headerBytes: number): RecordBatchEntry {
  if (batch.compression()) throw new Error('compressed record batches are not supported; save without compression');
  // A field node and a buffer take 16 bytes each.
  if ((batch.nodesLength() + batch.buffersLength()) * 16 > headerBytes) throw new Error('impossible counts');
  const rows = Number(batch.length());
  const nodes = Array.from({ length: batch.nodesLength() }, (_, i) => {
    const node = batch.nodes(i);
    return { length: Number(node?.length() ?? -1), nullCount: Number(node?.nullCount() ?? -1) };
  });
  const buffers = Array.from({ length: batch.buffersLength() }, (_, i) => {
    const buffer = batch.buffers(i);
    return { offset: Number(buffer?.offset() ?? -1), length: Number(buffer?.length() ?? -1) };
  });
  if (!(rows >= 0) || nodes.some((node) => node.length < 0)) throw new Error('negative length');
  return { rows, nodes, buffers };
}

/** Refuses vectors longer than the header can hold: each element takes 4 bytes or more. */
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

/** Opens `path` for reading. @throws ArrowFileError if it is not there. */
export function openArrowFile(path: string): number {
  try {
    return fs.openSync(path, 'r');
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    throw new ArrowFileError(path, missing ? 'is missing' : `cannot be opened (${errorMessage(error)})`);
  }
}
