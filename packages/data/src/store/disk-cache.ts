/** Ranges of remote files on this machine's disk, so that the second epoch reads none of them again. */
import { createHash, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { temporaryMark } from '../io/file-system.ts';
import type { ByteSource } from './source.ts';

/** A stored range begins with the SHA-256 of its bytes. */
const checksumBytes = 32;

const sha256 = (data: Uint8Array | string): Buffer => createHash('sha256').update(data).digest();

/** A folder of ranges. Beyond its limit, those that were not used for the longest time are removed. */
export class DiskCache {
  readonly #folder: string;
  readonly #limit: number;
  /** An estimate: other processes use the folder too. Null before the folder was looked at. */
  #held: number | null = null;

  constructor(folder: string, limitBytes: number) {
    this.#folder = folder;
    this.#limit = limitBytes;
  }

  /** The source, whose ranges are kept. Files whose changes could not be noticed are not. */
  wrap(source: ByteSource): ByteSource {
    if (source.tag === '' || source.readSync !== undefined) return source;
    return {
      ...source,
      read: async (start, end, signal) => {
        const name = this.#fileOf(`${source.url}\n${source.tag}\n${source.size}\n${start}-${end}`);
        const found = await readChecked(name, end - start);
        if (found !== null) return found;
        const bytes = await source.read(start, end, signal);
        await this.#keep(name, bytes);
        return bytes;
      },
    };
  }

  #fileOf(key: string): string {
    const name = sha256(key).toString('hex');
    return path.join(this.#folder, name.slice(0, 2), name);
  }

  async #keep(name: string, bytes: Uint8Array): Promise<void> {
    const size = checksumBytes + bytes.byteLength;
    if (size > this.#limit) return;
    await fs.mkdir(path.dirname(name), { recursive: true });
    const temporary = `${name}${temporaryMark()}${randomUUID().slice(0, 8)}`;
    try {
      await fs.writeFile(temporary, Buffer.concat([sha256(bytes), bytes]));
      await fs.rename(temporary, name);
    } catch (error) {
      await fs.rm(temporary, { force: true });
      throw new Error(`TESSERA_CACHE: ${(error as Error).message}`, { cause: error });
    }
    this.#held = this.#held === null ? null : this.#held + size;
    if (this.#held === null || this.#held > this.#limit) await this.#shrink();
  }

  /** Removes the ranges that were not used for the longest time, until nine tenths of the limit are left. */
  async #shrink(): Promise<void> {
    const files: { name: string; size: number; used: number }[] = [];
    for (const entry of await fs.readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const name = path.join(entry.parentPath, entry.name);
      const facts = await fs.stat(name).catch(() => null);
      if (facts !== null) files.push({ name, size: facts.size, used: facts.mtimeMs });
    }
    let held = files.reduce((sum, { size }) => sum + size, 0);
    if (held > this.#limit)
      for (const { name, size } of files.sort((a, b) => a.used - b.used)) {
        if (held <= 0.9 * this.#limit) break;
        await fs.rm(name, { force: true });
        held -= size;
      }
    this.#held = held;
  }
}

/** The stored range; null if it is missing or damaged. Its time of use is set. */
async function readChecked(name: string, length: number): Promise<Uint8Array<ArrayBuffer> | null> {
  const stored = await fs.readFile(name).catch(() => null);
  if (stored === null || stored.byteLength !== checksumBytes + length) return null;
  const bytes = new Uint8Array(stored.subarray(checksumBytes));
  if (!sha256(bytes).equals(stored.subarray(0, checksumBytes))) return null;
  const now = new Date();
  await fs.utimes(name, now, now).catch(() => undefined);
  return bytes;
}

const defaultGigabytes = 50;

/** The caches of this process, which know how full their folders are. */
const caches = new Map<string, DiskCache>();

/** The cache that the environment asks for: TESSERA_CACHE, a folder, and TESSERA_CACHE_GIGABYTES. Null: none. @throws for a limit that is no number */
export function diskCacheOf(environment: Readonly<Record<string, string | undefined>>): DiskCache | null {
  const { TESSERA_CACHE: folder, TESSERA_CACHE_GIGABYTES: limit } = environment;
  if (folder === undefined || folder === '') return null;
  const gigabytes = limit === undefined ? defaultGigabytes : Number(limit);
  if (!(gigabytes > 0)) throw new Error(`TESSERA_CACHE_GIGABYTES is ${limit}; expected a number above 0`);
  const key = `${gigabytes} ${path.resolve(folder)}`;
  const cache = caches.get(key) ?? new DiskCache(path.resolve(folder), gigabytes * 2 ** 30);
  caches.set(key, cache);
  return cache;
}
