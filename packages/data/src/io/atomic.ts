/** Writing of files so that a crash or a full disk never leaves half of one. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { exists, isOutOfSpace, largestTransfer, removeLeftovers, syncDirectory, temporaryMark } from './file-system.ts';

export type FileChunk = string | Uint8Array;

/**
 * Writes a file atomically: into a temporary file in the same folder, synced to disk, then renamed over the old one. After a crash at any
 * moment `path` contains either the old content or the new. After an error the temporary file is removed and the old file is unchanged.
 *
 * @param write writes the content to the opened temporary file
 * @param needed the size of the content in bytes, for the message if the disk is full
 * @throws if the disk is full; with `needed`, the message says how many bytes were needed, that the old file (if any) is untouched, and
 *   what to do
 */
export async function replaceFile(
  path: string,
  write: (file: fs.FileHandle) => Promise<void>,
  needed: number | null = null,
): Promise<void> {
  await removeLeftovers(path);
  const temporary = `${path}${temporaryMark()}${randomUUID().slice(0, 8)}`;
  try {
    const file = await fs.open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    if (needed === null || !isOutOfSpace(error)) throw error;
    throw new Error(await outOfSpaceMessage(path, needed), { cause: error });
  }
  await syncDirectory(dirname(path));
}

/**
 * Writes a file atomically, as `replaceFile` does.
 *
 * @param chunks the content in order; strings are written as UTF-8. Views of large arrays are written without a copy.
 * @throws like `replaceFile`
 */
export async function writeFileAtomic(path: string, chunks: Iterable<FileChunk>): Promise<void> {
  const parts = Array.from(chunks, (chunk) => (typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk));
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const write = async (file: fs.FileHandle): Promise<void> => {
    for (const part of parts) await writeFully(file, part);
  };
  await replaceFile(path, write, bytes);
}

/** Writes all of `part`. @param position in the file, in bytes; null: the file's current position */
export async function writeFully(file: fs.FileHandle, part: Uint8Array, position: number | null = null): Promise<void> {
  let done = 0;
  while (done < part.byteLength) {
    const length = Math.min(part.byteLength - done, largestTransfer);
    const { bytesWritten } = await file.write(part, done, length, position === null ? null : position + done);
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
