import fs, { promises as fsp } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Errors of the operating system that say that the bytes do not fit: disk, quota, largest file. */
const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Node's errors from the file system carry a code. */
export const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

export const isOutOfSpace = (error: unknown): boolean => OUT_OF_SPACE.has(errorCode(error) ?? '');

export const errorMessage = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** True if something is at `path`, whatever it is. */
export const exists = (path: string): Promise<boolean> =>
  fsp.access(path).then(
    () => true,
    () => false,
  );

/** One read or write call is limited to 2 GiB. */
const largestTransfer = 2 ** 30;

/** Reads exactly `length` bytes at `position`. */
export function readExactly(fd: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, bytes, done, Math.min(length - done, largestTransfer), position + done);
    if (count === 0) throw new Error(`expected ${length} bytes at byte ${position}, the file holds ${done}`);
    done += count;
  }
  return bytes;
}

/** Writes all of `bytes` where the file stands; a disk that fills up shows as an error, never as a short file. */
export function writeFullySync(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += fs.writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, largestTransfer));
  }
}

/** A rename is durable once its directory is synced. Some file systems cannot sync a directory; there nothing is lost by it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await fsp.open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

/** Marks the temporary files and folders of a process; something unique follows. */
export const temporaryMark = (pid = process.pid): string => `.partial-${hostname()}-${pid}-`;

/** A killed process leaves its temporary file or folder behind. Those of this machine's dead processes are removed. */
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
