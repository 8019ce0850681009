/** Writing of files so that a crash or a full disk never leaves half of one. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { exists, isOutOfSpace, removeLeftovers, syncDirectory, temporaryMark } from './file-system.ts';

export type FileChunk = string | Uint8Array;

/**
 * Writes a file atomically: into a temporary file in the same folder, synced to disk, then renamed over the old one. After a crash at any
 * moment `path` contains either the old content or the new.
 *
 * @param chunks the content in order; strings are written as UTF-8. Views of large arrays are written without a copy.
 * @throws if the disk is full; the message says how many bytes were needed, that the old file (if any) is untouched, and what to do.
 *   The temporary file is removed after any error.
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
    if (!isOutOfSpace(cause)) throw cause;
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
  const free = await fs.statfs(dirname(path)).then(
    ({ bavail, bsize }) => `, ${bavail * bsize} are free`,
    () => '',
  );
  const state = (await exists(path)) ? 'the old file is untouched' : 'nothing was written';
  return `${path}: no space left to write it: ${bytes} bytes are needed${free}; ${state}. Free some space or choose another folder`;
}
