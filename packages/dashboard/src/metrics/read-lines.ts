/** Reads parts of a file of JSON lines. */
import type { FileHandle } from 'node:fs/promises';
import type { RawRecord } from './parse-step.ts';

const newline = 0x0a;

/** A line of a file. */
export interface Line {
  /** Null: it is not a JSON object. */
  readonly record: RawRecord | null;
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
}

/** Reads up to `length` bytes at a position; fewer at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

function parseObject(text: string): RawRecord | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as RawRecord) : null;
  } catch {
    return null;
  }
}

/** The complete lines of a piece of a file that begins with a line, and where the incomplete one begins in the piece. */
export function completeLines(
  bytes: Buffer,
  position: number,
): { readonly lines: readonly Line[]; readonly end: number } {
  const end = bytes.lastIndexOf(newline) + 1;
  const offsets: number[] = [];
  for (let at = 0; at < end; at = bytes.indexOf(newline, at) + 1) offsets.push(at);
  if (offsets.length === 0) return { lines: [], end };
  const text = bytes.toString('utf8', 0, end - 1);
  const records = parseTogether(text, offsets.length) ?? text.split('\n').map(parseObject);
  return { lines: offsets.map((offset, k) => ({ record: records[k] ?? null, offset: position + offset })), end };
}

/** The complete lines of a piece of a file that begins with a line, parsed one by one as they are asked for. */
export function* linesOneByOne(bytes: Buffer, position: number): Generator<Line> {
  let at = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at)) {
    yield { record: parseObject(bytes.toString('utf8', at, end)), offset: position + at };
    at = end + 1;
  }
}

/** All lines by one call of the parser, which takes two thirds of the time; null where one of them is not JSON. */
function parseTogether(text: string, count: number): (RawRecord | null)[] | null {
  try {
    const values = JSON.parse(`[${text.replaceAll('\n', ',')}]`) as unknown[];
    if (values.length !== count) return null;
    return values.map((value) => (typeof value === 'object' && value !== null ? (value as RawRecord) : null));
  } catch {
    return null;
  }
}
