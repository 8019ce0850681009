import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorMessage, exists, removeLeftovers, syncDirectory, temporaryMark } from './file-system.ts';

/** A directory under construction: a sibling of its target that takes the target's name once it is whole. */
export interface PendingDirectory {
  readonly target: string;
  /** Build here. */
  readonly temporary: string;
  /** Puts the directory in place. One that was there before gives way only now. */
  commit(): Promise<void>;
  /** Removes what was built; the target stays as it was. */
  abort(): Promise<void>;
}

export interface PendingDirectoryOptions {
  /** Replace a directory that is there already; otherwise that is an error. */
  overwrite?: boolean;
}

/**
 * Starts a directory that appears under `target` only when it is complete, so that neither a crash nor a full disk leaves
 * half of it behind. The files in it are their writer's to sync.
 */
export async function pendingDirectory(
  target: string,
  { overwrite = false }: PendingDirectoryOptions = {},
): Promise<PendingDirectory> {
  const path = resolve(target);
  if (!overwrite && (await exists(path))) {
    throw new Error(`${path}: exists already; remove it, choose another path, or ask to overwrite it`);
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
        throw new Error(`${path}: cannot be put in place (${errorMessage(cause)})`, { cause });
      }
      await syncDirectory(dirname(path));
      if (replaces) await fs.rm(replaced, { recursive: true, force: true });
    },
    async abort() {
      await fs.rm(temporary, { recursive: true, force: true });
    },
  };
}
