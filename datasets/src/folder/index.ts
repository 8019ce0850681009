/** Building of a dataset from a folder of images. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { DatasetWriter } from '@tessera/data';
import { type EntryOptions, type LeftOut, listFolderRows } from '@tessera/data/folder';
import { mapInOrder } from '@tessera/data/io';
import type { BuildOptions, BuildReport } from '../builder.ts';
import { imagesAtOnce, prepareImage } from '../prepare-image.ts';

export interface FolderOptions extends BuildOptions, EntryOptions {
  /** The description and the license that are stored in the dataset. */
  title?: string;
  license?: string;
}

export interface FolderReport extends BuildReport {
  /** Whether the images have captions or only classes. */
  kind: 'captions' | 'classes';
  /** The names of the classes in the order of their numbers; empty without classes. */
  classes: string[];
  /** The images that could not be decoded, and why. */
  skipped: LeftOut[];
  /** The files that are not images or not listed, and why they were left out. */
  leftOut: LeftOut[];
}

/**
 * Builds a dataset from a folder of images. See `listFolderRows` for the forms that a folder can have.
 *
 * @throws InputProblems if the input is inconsistent; the message lists all problems with line numbers, and nothing is built
 */
export async function buildFromFolder(
  folder: string,
  target: string,
  options: FolderOptions = {},
): Promise<FolderReport> {
  const { features, rows, kind, classes, leftOut } = await listFolderRows(folder, options);
  const writer = await DatasetWriter.create(target, {
    features,
    info: {
      description: options.title ?? `Images from ${path.basename(path.resolve(folder))}`,
      license: options.license ?? '',
    },
    overwrite: options.overwrite ?? false,
  });
  const skipped: LeftOut[] = [];
  try {
    const prepared = mapInOrder(rows, imagesAtOnce, async (row) => ({
      row,
      image: await prepareImage(() => fsp.readFile(path.resolve(folder, row.file)), { maxSize: options.maxSize }),
    }));
    let done = 0;
    for await (const { row, image } of prepared) {
      if (typeof image === 'string') {
        if (options.strict) throw new Error(`${path.resolve(folder, row.file)}: ${image}`);
        skipped.push({ file: row.file, reason: image });
      } else await writer.write(row.split, { image: { bytes: image.bytes, path: row.file }, ...row.values });
      options.onProgress?.({ what: 'reading images', done: ++done, total: rows.length });
    }
    if (skipped.length === rows.length) {
      throw new Error(
        `${folder}: none of its ${rows.length} images can be decoded; the first one, ${skipped[0]?.file}, ${skipped[0]?.reason}`,
      );
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return {
    path: writer.path,
    splits: writer.counts,
    kind,
    classes: [...classes],
    skipped,
    leftOut,
  };
}
