/** Measurements of tiles, kept between programs: in a file (Node), or in the page's local storage (browsers). */
import type { TileTimes, TileTimeTable } from './capabilities.ts';

/** Measurements of other versions of the generated shaders are not used. Raise it when what is generated changes. */
const generatorVersion = 1;

const entryKey = (device: string): string => `tessera-webgpu-tiles ${generatorVersion} ${device}`;

/** Where measurements are kept, under keys. */
export interface TuningStorage {
  /** Null where there is nothing under the key. Throws where what is there cannot be read. */
  read(key: string): string | null;
  write(key: string, text: string): void;
}

type Fs = typeof import('node:fs');
type Path = typeof import('node:path');
type Os = typeof import('node:os');

/** A file for each key, in `directory`. */
export function fileStorage(directory: string): TuningStorage {
  const fs: Fs = process.getBuiltinModule('node:fs');
  const { join }: Path = process.getBuiltinModule('node:path');
  const { createHash } = process.getBuiltinModule('node:crypto');
  const pathOf = (key: string): string =>
    join(directory, `webgpu-tiles-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
  return {
    read: (key) => {
      const path = pathOf(key);
      return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : null;
    },
    write: (key, text) => {
      fs.mkdirSync(directory, { recursive: true });
      // Beside it first: a program that is stopped leaves no half of a file.
      const beside = `${pathOf(key)}.${process.pid}`;
      fs.writeFileSync(beside, text);
      fs.renameSync(beside, pathOf(key));
    },
  };
}

/** `$XDG_CACHE_HOME/tessera`, or the page's local storage; null where there is neither. */
export function defaultStorage(): TuningStorage | null {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
    const { homedir }: Os = process.getBuiltinModule('node:os');
    const { join }: Path = process.getBuiltinModule('node:path');
    const caches = process.env.XDG_CACHE_HOME;
    return fileStorage(join(caches === undefined || caches === '' ? join(homedir(), '.cache') : caches, 'tessera'));
  }
  try {
    const { localStorage } = globalThis as { localStorage?: Storage };
    if (localStorage === undefined) return null;
    return { read: (key) => localStorage.getItem(key), write: (key, text) => localStorage.setItem(key, text) };
  } catch {
    // The page may not keep anything.
    return null;
  }
}

const isTimes = (value: unknown): value is TileTimes => {
  if (typeof value !== 'object' || value === null) return false;
  const { alone, full } = value as Partial<Record<keyof TileTimes, unknown>>;
  return [alone, full].every((time) => typeof time === 'number' && Number.isFinite(time) && time > 0);
};

function parseTable(text: string, key: string): TileTimeTable {
  const document = JSON.parse(text) as unknown;
  if (typeof document !== 'object' || document === null) throw new TypeError('it is no object');
  const { device, tiles } = document as { device?: unknown; tiles?: unknown };
  if (device !== key) throw new TypeError('it is of another device');
  if (typeof tiles !== 'object' || tiles === null) throw new TypeError('it holds no tiles');
  const table = tiles as Record<string, unknown>;
  for (const [name, times] of Object.entries(table))
    if (times !== null && !isTimes(times)) throw new TypeError(`the times of tile '${name}' are no positive numbers`);
  return table as TileTimeTable;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The measurements of a device, or what `measure` finds, which is then kept. `device`: what tells it and its driver from others. A
 * storage that cannot be read or written costs a note and the time to measure again, no more.
 */
export async function keptTileTimes(
  device: string,
  storage: TuningStorage | null,
  measure: () => Promise<TileTimeTable>,
  report: (message: string) => void,
): Promise<TileTimeTable> {
  const key = entryKey(device);
  try {
    const text = storage?.read(key) ?? null;
    if (text !== null) return parseTable(text, key);
  } catch (error) {
    report(`webgpu: the kept measurements of this device cannot be used and are made again: ${reasonOf(error)}`);
  }
  const table = await measure();
  try {
    storage?.write(key, `${JSON.stringify({ device: key, tiles: table }, null, 1)}\n`);
  } catch (error) {
    report(`webgpu: the measurements of this device could not be kept: ${reasonOf(error)}`);
  }
  return table;
}
