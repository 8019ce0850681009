import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

export type FileChunk = string | Uint8Array;

/** Errors of the operating system that say that the bytes do not fit: disk, quota, largest file. */
const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/**
 * Writes a file whole or not at all: into a file beside it, synced to the disk, then renamed over the old one. After a crash at
 * any moment `path` holds either the old content or the new.
 *
 * @param chunks the content in order; strings are written as UTF-8. Views of large arrays are written without a copy.
 * @throws where the disk is full: the message says how many bytes were needed, that the old file (if there was one) is
 *   untouched, and what to do. Whatever fails, no temporary file stays.
 */
export async function writeFileAtomic(path: string, chunks: Iterable<FileChunk>): Promise<void> {
  const parts = Array.from(chunks, (chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk));
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  await removeLeftovers(path);
  const temporary = `${path}${temporaryMark()}${randomUUID().slice(0, 8)}`;
  try {
    const file = await fs.open(temporary, 'wx');
    try {
      for (const part of parts) await writeFully(file, part);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (cause) {
    await fs.rm(temporary, { force: true });
    if (!OUT_OF_SPACE.has(errorCode(cause) ?? '')) throw cause;
    throw new Error(await outOfSpaceMessage(path, bytes), { cause });
  }
  await syncDirectory(dirname(path));
}

async function writeFully(file: fs.FileHandle, part: Uint8Array): Promise<void> {
  let done = 0;
  while (done < part.byteLength) {
    const { bytesWritten } = await file.write(part, done, part.byteLength - done);
    done += bytesWritten;
  }
}

async function outOfSpaceMessage(path: string, bytes: number): Promise<string> {
  const exists = await fs.access(path).then(
    () => true,
    () => false,
  );
  const free = await fs.statfs(dirname(path)).then(
    ({ bavail, bsize }) => `, ${bavail * bsize} are free`,
    () => '',
  );
  const state = exists ? 'the old file is untouched' : 'nothing was written';
  return `${path}: no space left to write it: ${bytes} bytes are needed${free}; ${state}. Free some space or choose another folder`;
}

/** A rename is durable once its directory is synced. Some file systems cannot sync a directory; there nothing is lost by it. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await fs.open(path, 'r').catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}

const temporaryMark = (pid = process.pid): string => `.partial-${hostname()}-${pid}-`;

/** A killed process leaves its temporary file behind. Those of this machine's dead processes are removed. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = `${basename(path)}.partial-${hostname()}-`;
  const names = await fs.readdir(dirname(path)).catch((): string[] => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (pid > 0 && !isAlive(pid)) await fs.rm(join(dirname(path), name), { force: true });
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
