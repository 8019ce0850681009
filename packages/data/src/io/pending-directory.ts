/** Directories that appear only when they are complete. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorMessage, exists, removeLeftovers, syncDirectory, temporaryMark } from './file-system.ts';

/** A directory under construction: a temporary directory next to its target, renamed to the target when it is complete. */
export interface PendingDirectory {
  readonly target: string;
  /** Where to build. */
  readonly temporary: string;
  /** Moves the directory to its target. An existing directory is replaced only now. */
  commit(): Promise<void>;
  /** Removes what was built; the target is unchanged. */
  abort(): Promise<void>;
}

export interface PendingDirectoryOptions {
  /** Replace an existing directory. Default false: then an existing directory is an error. */
  overwrite?: boolean;
}

/**
 * Starts a directory that appears at `target` only when it is complete, so that neither a crash nor a full disk leaves half of it
 * behind. The caller syncs the files in it.
 *
 * @throws if `target` exists and `overwrite` is not set
 */
export async function pendingDirectory(
  target: string,
  { overwrite = false }: PendingDirectoryOptions = {},
): Promise<PendingDirectory> {
  const path = resolve(target);
  if (!overwrite && (await exists(path))) {
    throw new Error(`${path}: exists already; remove it, choose another path, or set the option overwrite`);
  }
  await fs.mkdir(dirname(path), { recursive: true });
  await removeLeftovers(path);
  const temporary = `${path}${temporaryMark()}${randomUUID().slice(0, 8)}`;
  await fs.mkdir(temporary);
  return {
    target: path,
    temporary,
    async commit() {
      await syncDirectory(temporary);
      const replaced = `${temporary}-replaced`;
      const replaces = overwrite && (await exists(path));
      if (replaces) await fs.rename(path, replaced);
      try {
        await fs.rename(temporary, path);
      } catch (cause) {
        if (replaces) await fs.rename(replaced, path);
        throw new Error(`${path}: the finished directory cannot be moved there (${errorMessage(cause)})`, { cause });
      }
      await syncDirectory(dirname(path));
      if (replaces) await fs.rm(replaced, { recursive: true, force: true });
    },
    async abort() {
      await fs.rm(temporary, { recursive: true, force: true });
    },
  };
}
