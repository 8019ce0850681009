/** Files of this machine. */
import fs, { promises as fsp } from 'node:fs';
import path from 'node:path';
import { errorCode, errorMessage, exists, readExactly } from '../io/file-system.ts';
import { braceExpand, isWildcard, wildcardMatcher } from './pattern.ts';
import type { ByteSource, Store } from './source.ts';

/** The system reads ahead by itself. */
const gap = 16 * 1024;

/** Opens a file of this machine. @throws if it is missing or cannot be read; the message names it */
export function openFile(file: string): ByteSource {
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    throw new FileError(file, missing ? 'is missing' : `cannot be opened (${errorMessage(error)})`);
  }
  const { size, mtimeMs } = fs.fstatSync(fd);
  let open = true;
  const readSync = (start: number, end: number): Uint8Array<ArrayBuffer> => {
    if (!open) throw new Error('the dataset was closed');
    return readExactly(fd, start, end - start);
  };
  return {
    url: file,
    size,
    tag: `${size}-${mtimeMs}`,
    gap,
    read: async (start, end) => readSync(start, end),
    readSync,
    close() {
      if (open) fs.closeSync(fd);
      open = false;
    },
  };
}

/** A file that cannot be opened. */
class FileError extends Error {
  constructor(file: string, problem: string) {
    super(`${file}: ${problem}. Build or copy the dataset again.`);
  }
}

/** The files that a pattern without braces matches, in order. */
async function glob(pattern: string): Promise<string[]> {
  const matches = wildcardMatcher(pattern);
  const parts = pattern.split('/');
  const fixed = parts.slice(0, parts.findIndex(isWildcard)).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const deep = pattern.includes('**');
  const depth = parts.length;
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await fsp.readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const at = folder === '.' ? entry.name : path.posix.join(folder, entry.name);
      const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await isDirectory(at)));
      if (isFolder) {
        if (deep || at.split('/').length < depth) await walk(at);
      } else if (matches(at)) found.push(at);
    }
  };
  await walk(fixed);
  return found.sort();
}

const isDirectory = async (file: string): Promise<boolean> =>
  (await fsp.stat(file).catch(() => null))?.isDirectory() ?? false;

/** The path of a `file:` address, or the path itself. */
const toPath = (url: string): string => (url.startsWith('file://') ? decodeURIComponent(url.slice(7)) : url);

export const fileStore: Store = {
  async list(pattern) {
    const own = toPath(pattern);
    if (await exists(own)) return [own];
    const files: string[] = [];
    for (const each of braceExpand(own)) {
      if (!isWildcard(each)) files.push(each);
      else files.push(...(await glob(each)));
    }
    if (files.length === 0) throw new Error(`${pattern}: matches no file`);
    return files;
  },
  open: async (url) => openFile(toPath(url)),
};
