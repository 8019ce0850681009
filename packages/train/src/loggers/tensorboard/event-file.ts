/** Event files: records with checksums, as TensorFlow and PyTorch's `SummaryWriter` write them. */
import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { maskedCrc32c } from './crc32c.ts';
import { type EventTime, fileVersion, sessionStart } from './events.ts';

/** A record of a TFRecord file: its length (u64), the length's checksum, the data, and their checksum. */
export function framed(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.byteLength));
  const checksums = [length, data].map((bytes) => {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(maskedCrc32c(bytes));
    return checksum;
  }) as [Buffer, Buffer];
  return Buffer.concat([length, checksums[0], data, checksums[1]]);
}

/** TensorBoard reads the files of a folder in the order of their names, so a new one needs a later time than those that exist. */
function nextName(folder: string, seconds: number): string {
  const times = readdirSync(folder).flatMap((name) => {
    const [, time] = /^events\.out\.tfevents\.(\d+)\./.exec(name) ?? [];
    return time === undefined ? [] : [Number(time)];
  });
  const time = Math.max(Math.floor(seconds), ...times.map((other) => other + 1));
  return `events.out.tfevents.${String(time).padStart(10, '0')}.${hostname()}.${process.pid}.0`;
}

/** Appends events to a new file of a folder. Each is passed to the operating system at once. */
export class EventFile {
  readonly path: string;
  #file: number | undefined;

  /**
   * Opens a new file and writes that a session starts: TensorBoard then drops what older files of the folder have of this step and later
   * ones.
   *
   * @param folder it is created if it is missing
   * @param start `time` is in seconds since 1970
   */
  constructor(folder: string, start: EventTime) {
    mkdirSync(folder, { recursive: true });
    this.path = join(folder, nextName(folder, start.time));
    this.#file = openSync(this.path, 'wx');
    this.append(fileVersion(start));
    this.append(sessionStart(start));
  }

  append(event: Uint8Array): void {
    if (this.#file === undefined) throw new Error(`${this.path}: the event file is closed`);
    const record = framed(event);
    for (let done = 0; done < record.byteLength; ) done += writeSync(this.#file, record, done);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
