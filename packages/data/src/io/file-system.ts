/** Small helpers around Node's file system: complete reads and writes, error codes, temporary names. */
import fs, { promises as fsp } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Error codes of the operating system for lack of space: disk, quota, largest file size. */
const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The code of an error of Node's file system. */
export const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

export const isOutOfSpace = (error: unknown): boolean => OUT_OF_SPACE.has(errorCode(error) ?? '');

export const errorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Why a path cannot be read, in words: what is missing, or the system's message. */
export const readProblem = (error: unknown, what = 'file'): string =>
  errorCode(error) === 'ENOENT' ? `there is no such ${what}` : errorMessage(error);

/** Whether `path` exists, as a file or anything else. */
export const exists = (path: string): Promise<boolean> =>
  fsp.access(path).then(
    () => true,
    () => false,
  );

/** A single read or write call is limited to 2 GiB. */
export const largestTransfer = 2 ** 30;

/** Reads exactly `length` bytes at `position`. */
export function readExactly(fd: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  readInto(fd, position, bytes);
  return bytes;
}

/** Fills `bytes` with the file's bytes from `position` on. */
export function readInto(fd: number, position: number, bytes: Uint8Array): void {
  const length = bytes.byteLength;
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, bytes, done, Math.min(length - done, largestTransfer), position + done);
    if (count === 0) throw new Error(`expected ${length} bytes at byte ${position}, but the file ends after ${done}`);
    done += count;
  }
}

/** Writes all of `bytes` at the file's current position. A full disk is an error, never a short file. */
export function writeFullySync(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += fs.writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, largestTransfer));
  }
}

/** Syncs a directory, which makes a rename in it durable. File systems that cannot sync directories are ignored. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await fsp.open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

/** Part of the names of a process's temporary files and folders; a unique suffix follows. */
export const temporaryMark = (pid = process.pid): string => `.partial-${hostname()}-${pid}-`;

/** Removes temporary files and folders for `path` that dead processes of this machine left behind. */
export async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.partial-${hostname()}-`;
  const names = await fsp.readdir(dirname(path)).catch((): string[] => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (pid > 0 && !isAlive(pid)) await fsp.rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}
