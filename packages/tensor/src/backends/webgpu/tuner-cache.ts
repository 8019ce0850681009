/** Stores measurements of tiles: in a file (Node), or in the page's local storage (browsers). */
import type { TileTimes, TileTimeTable } from './capabilities.ts';

/** Increase this when the generated shaders change: measurements of other versions are not used. */
const generatorVersion = 1;

const entryKey = (device: string): string => `tessera-webgpu-tiles ${generatorVersion} ${device}`;

/** A store of measurements by key. */
export interface TuningStorage {
  /** Returns null if the key has no value. Throws if the value cannot be read. */
  read(key: string): string | null;
  write(key: string, text: string): void;
}

type Fs = typeof import('node:fs');
type Path = typeof import('node:path');
type Os = typeof import('node:os');

/** Stores each key in its own file in `directory`. */
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
      // Written under another name first, so that an interrupted program does not leave an incomplete file.
      const temporary = `${pathOf(key)}.${process.pid}`;
      fs.writeFileSync(temporary, text);
      fs.renameSync(temporary, pathOf(key));
    },
  };
}

/** `$XDG_CACHE_HOME/tessera` in Node, the page's local storage in browsers; null if neither exists. */
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
    // The browser does not allow the page to store data.
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
  if (typeof document !== 'object' || document === null) throw new TypeError('it is not an object');
  const { device, tiles } = document as { device?: unknown; tiles?: unknown };
  if (device !== key) throw new TypeError('it belongs to another device');
  if (typeof tiles !== 'object' || tiles === null) throw new TypeError("it has no object 'tiles'");
  const table = tiles as Record<string, unknown>;
  for (const [name, times] of Object.entries(table))
    if (times !== null && !isTimes(times)) throw new TypeError(`the times of tile '${name}' are not positive numbers`);
  return table as TileTimeTable;
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The stored measurements of a device, or those of `measure`, which are then stored. `device` identifies the device and its driver. If the
 * storage cannot be read or written, that is reported, and the device is measured again.
 */
export async function storedTileTimes(
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
    report(
      `webgpu: the stored measurements of this device cannot be used, so it is measured again: ${reasonOf(error)}`,
    );
  }
  const table = await measure();
  try {
    storage?.write(key, `${JSON.stringify({ device: key, tiles: table }, null, 1)}\n`);
  } catch (error) {
    report(`webgpu: the measurements of this device could not be stored: ${reasonOf(error)}`);
  }
  return table;
}
