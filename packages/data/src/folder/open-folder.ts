/** Folders of images as datasets: the images stay where they are, and are read one by one. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { Value } from '../arrow/column.ts';
import type { Features } from '../arrow/features.ts';
import type { OpenShard, Row } from '../format/shard.ts';
import { errorCode, errorMessage, readExactly } from '../io/file-system.ts';
import type { EntryOptions } from './entry.ts';
import { checkImageFile } from './image-check.ts';
import type { LeftOut } from './left-out.ts';
import { InputProblems } from './problems.ts';
import { type FolderRow, type FolderRows, listFolderRows } from './rows.ts';

/** The images of one split of a folder, with the values of their other columns. Plain data. */
interface FolderIndex {
  readonly features: Features;
  /** The name of the column with the images. */
  readonly image: string;
  /** Relative to the folder. */
  readonly files: readonly string[];
  /** In bytes. */
  readonly sizes: Float64Array;
  /** The times of the last changes, in milliseconds. */
  readonly modified: Float64Array;
  /** All columns but the images. */
  readonly columns: Readonly<Record<string, readonly Value[]>>;
}

/** Images that are looked at before other work of this thread has its turn. */
const checkedAtOnce = 16;
const blockRows = 512;

export interface OpenedFolder {
  /** One shard for each split that has an image, in the order in which the splits are first seen. */
  readonly splits: Readonly<Record<string, OpenShard>>;
  /** The images that cannot be decoded, then the files that are no rows, with the reasons. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Opens a folder of images; see `listFolderRows`. Its rows are those that `build-dataset` would write, but images that begin and end as
 * complete ones are not decoded here.
 *
 * @param strict whether an image that cannot be decoded is an error
 * @throws if the folder is inconsistent, in which case the message lists all problems; where no image can be decoded
 */
export async function openFolder(folder: string, options: EntryOptions, strict: boolean): Promise<OpenedFolder> {
  const listing = await listFolderRows(folder, options).catch((error: unknown) => {
    if (!(error instanceof InputProblems)) throw error;
    throw new InputProblems(error.where, error.problems, 'nothing was read');
  });
  const { kept, skipped } = await checkRows(folder, listing.rows, strict);
  const names = new Set(kept.map(({ row }) => row.split));
  const splits = Object.fromEntries(
    Array.from(names, (split) => {
      const own = kept.filter(({ row }) => row.split === split);
      return [split, folderShard(folder, indexOf(listing, own))];
    }),
  );
  const [first] = skipped;
  if (kept.length === 0 && first !== undefined)
    throw new Error(
      `${folder}: none of its ${listing.rows.length} images can be decoded; the first one, ${first.file}, ${first.reason}`,
    );
  return { splits, leftOut: [...skipped, ...listing.leftOut] };
}

/** A row whose image can be used, as far as is known. */
interface CheckedRow {
  readonly row: FolderRow;
  readonly size: number;
  readonly modified: number;
}

async function checkRows(
  folder: string,
  rows: readonly FolderRow[],
  strict: boolean,
): Promise<{ kept: CheckedRow[]; skipped: LeftOut[] }> {
  const kept: CheckedRow[] = [];
  const skipped: LeftOut[] = [];
  for (let first = 0; first < rows.length; first += checkedAtOnce) {
    const part = rows.slice(first, first + checkedAtOnce);
    const checked = await Promise.all(
      part.map(async (row) => ({ row, found: await checkImageFile(path.resolve(folder, row.file)) })),
    );
    for (const { row, found } of checked) {
      if (typeof found !== 'string') kept.push({ row, ...found });
      else if (strict) throw new Error(`${path.resolve(folder, row.file)}: ${found}`);
      else skipped.push({ file: row.file, reason: found });
    }
    // Ctrl-C and other work have their turn.
    await new Promise(setImmediate);
  }
  return { kept, skipped };
}

function indexOf({ features, image }: FolderRows, rows: readonly CheckedRow[]): FolderIndex {
  const names = Object.keys(features).filter((name) => name !== image);
  return {
    features,
    image,
    files: rows.map(({ row }) => row.file),
    sizes: Float64Array.from(rows, ({ size }) => size),
    modified: Float64Array.from(rows, ({ modified }) => modified),
    columns: Object.fromEntries(names.map((name) => [name, rows.map(({ row }) => row.values[name] ?? null)])),
  };
}

/** The images of a split as one shard. It is opened without reading anything. */
export function folderShard(folder: string, known: unknown): OpenShard {
  const index = known as FolderIndex;
  const { features, image, files, sizes, modified, columns } = index;
  const blocks = Array.from({ length: Math.ceil(files.length / blockRows) }, (_, k) => {
    const own = sizes.subarray(k * blockRows, (k + 1) * blockRows);
    return { rows: own.length, bytes: own.reduce((sum, bytes) => sum + bytes, 0) };
  });
  const read = (row: number): Value => {
    const file = files[row] as string;
    const bytes = readUnchanged(path.resolve(folder, file), sizes[row] as number, modified[row] as number);
    return { bytes, path: file };
  };
  return {
    url: folder,
    format: 'images',
    size: sizes.reduce((sum, bytes) => sum + bytes, 0),
    tag: createHash('sha256').update(files.join('\0')).update(sizes).update(modified).digest('hex'),
    features,
    blocks,
    index,
    block: async (number, names) => ({
      held: 0,
      row: (within) => {
        const row = number * blockRows + within;
        const cell = (name: string): Value => (name === image ? read(row) : (columns[name]?.[row] ?? null));
        return Object.fromEntries(names.map((name) => [name, cell(name)])) as Row;
      },
    }),
    close: () => undefined,
  };
}

/** The bytes of an image. @throws where it is not the file that was there at the start */
function readUnchanged(file: string, size: number, modified: number): Uint8Array {
  const again = 'while it was in use; start again with the folder as it is now';
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch (error) {
    throw new Error(
      errorCode(error) === 'ENOENT' ? `${file}: was removed ${again}` : `${file}: ${errorMessage(error)}`,
    );
  }
  try {
    const now = fs.fstatSync(fd);
    if (now.size !== size || now.mtimeMs !== modified) throw new Error(`${file}: changed ${again}`);
    return readExactly(fd, 0, size);
  } finally {
    fs.closeSync(fd);
  }
}
