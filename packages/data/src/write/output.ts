/** Where files of rows are written: a folder with `data/SPLIT-00000-of-00002.ENDING`, the layout of the hub, or one file. */
import { randomUUID } from 'node:crypto';
import fs, { promises as fsp } from 'node:fs';
import path from 'node:path';
import { exists, removeLeftovers, syncDirectory, temporaryMark } from '../io/file-system.ts';
import { pendingDirectory } from '../io/pending-directory.ts';

/** Files under construction, which appear at their target together. */
export interface Output {
  readonly target: string;
  /** Where the next file of a split is written. */
  next(split: string): string;
  /** Writes a file next to the folder of the data; nothing if the target is one file. */
  describe(name: string, text: string): void;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Files that tell that a folder was written by this package or by Hugging Face `datasets`. */
const marks = ['dataset_info.json', 'dataset_dict.json', 'state.json'];

/**
 * Checks that what is at `target` may be replaced. A folder is replaced only if it is empty or a dataset that was written as a whole, so
 * that a wrong path never costs other files.
 *
 * @throws where it exists and may not be replaced
 */
export async function checkTarget(target: string, overwrite: boolean): Promise<void> {
  const stats = await fsp.stat(target).catch(() => null);
  if (stats === null) return;
  if (!overwrite) throw new Error(`${target}: exists already; choose another path, or pass --overwrite to replace it`);
  if (!stats.isDirectory()) return;
  const names = await fsp.readdir(target);
  if (names.length === 0 || names.some((name) => marks.includes(name))) return;
  throw new Error(
    `${target}: is a folder that was not written as a dataset (it has none of ${marks.join(', ')}), so it is not replaced; remove it yourself, or choose another path`,
  );
}

export async function folderOutput(target: string, ending: string, overwrite: boolean): Promise<Output> {
  await checkTarget(target, overwrite);
  const directory = await pendingDirectory(target, { overwrite });
  const data = path.join(directory.temporary, 'data');
  await fsp.mkdir(data);
  const files: { readonly split: string; readonly at: string }[] = [];
  return {
    target: directory.target,
    next(split) {
      const at = path.join(data, `part-${files.length}`);
      files.push({ split, at });
      return at;
    },
    describe(name, text) {
      writeSynced(path.join(directory.temporary, name), text);
    },
    async commit() {
      for (const split of new Set(files.map((file) => file.split))) {
        const own = files.filter((file) => file.split === split);
        const digits = (k: number): string => String(k).padStart(5, '0');
        for (const [k, { at }] of own.entries())
          await fsp.rename(at, path.join(data, `${split}-${digits(k)}-of-${digits(own.length)}${ending}`));
      }
      await syncDirectory(data);
      await directory.commit();
    },
    abort: () => directory.abort(),
  };
}

/** An output of one file for one split. */
export async function fileOutput(target: string, overwrite: boolean): Promise<Output> {
  await checkTarget(target, overwrite);
  if ((await fsp.stat(target).catch(() => null))?.isDirectory())
    throw new Error(`${target}: is a folder; expected the path of a file`);
  await fsp.mkdir(path.dirname(target), { recursive: true });
  await removeLeftovers(target);
  const temporary = `${target}${temporaryMark()}${randomUUID().slice(0, 8)}`;
  let first: string | null = null;
  return {
    target,
    next(split) {
      if (first !== null)
        throw new Error(
          first === split
            ? `${target}: a single file was asked for, and the rows need several; name a folder`
            : `${target}: one file holds one split, and there are ${first} and ${split}; choose one with --split, or name a folder`,
        );
      first = split;
      return temporary;
    },
    describe: () => undefined,
    async commit() {
      if (!overwrite && (await exists(target))) throw new Error(`${target}: appeared while it was written`);
      await fsp.rename(temporary, target);
      await syncDirectory(path.dirname(target));
    },
    async abort() {
      await fsp.rm(temporary, { force: true });
    },
  };
}

function writeSynced(file: string, text: string): void {
  const fd = fs.openSync(file, 'wx');
  try {
    fs.writeSync(fd, text);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
