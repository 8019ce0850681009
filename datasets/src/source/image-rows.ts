/** Writing of datasets whose rows are image files with values. */
import { DatasetWriter, type Features } from '@tessera/data';
import type { LeftOut } from '@tessera/data/folder';
import { mapInOrder } from '@tessera/data/io';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from '../builder.ts';
import { imagesAtOnce, type PixelSize, type PreparedImage, prepareImage } from '../prepare-image.ts';
import type { SourceFiles } from './source-files.ts';

/** A row of the new dataset. */
export interface ImageRow {
  split: string;
  /** The name of its image among the source's files. */
  file: string;
  /** The values of the other columns, or a function that makes them for the image as it is stored, or says why it cannot be used. */
  values: Record<string, unknown> | ((image: PreparedImage) => Promise<Record<string, unknown> | string>);
  /** The size of the image for which its boxes and masks were made; see `PrepareOptions`. */
  annotated?: PixelSize | undefined;
}

export interface ImageRows {
  /** The columns, with `image`. */
  features: Features;
  rows: readonly ImageRow[];
  /** Files that are not used, and why. */
  leftOut: readonly LeftOut[];
}

/**
 * Writes image files with their values as a dataset. Images that are missing or cannot be decoded are left out and reported.
 *
 * @throws if no image is left, or with `strict` at the first image that cannot be used
 */
export async function writeImageRows(
  files: SourceFiles,
  target: string,
  builder: DatasetBuilder,
  { features, rows, leftOut }: ImageRows,
  { overwrite = false, strict = false, maxSize, onProgress }: BuildOptions,
): Promise<BuildReport> {
  const skipped: LeftOut[] = [];
  if (rows.length === 0) throw new Error(`${files.where}: lists no images`);
  const writer = await DatasetWriter.create(target, { features, info: infoOf(builder), overwrite });
  try {
    for (const split of new Set(rows.map((row) => row.split))) writer.addSplit(split);
    const prepared = mapInOrder(rows, imagesAtOnce, async ({ split, file, values, annotated }) => {
      if (!files.has(file)) return { split, file, values: 'is listed, but missing' };
      const image = await prepareImage(() => files.read(file), { maxSize, annotated });
      if (typeof image === 'string') return { split, file, values: image };
      const others = typeof values === 'function' ? await values(image) : values;
      if (typeof others === 'string') return { split, file, values: others };
      return { split, file, values: { image: { bytes: image.bytes, path: file }, ...others } };
    });
    let done = 0;
    for await (const { split, file, values } of prepared) {
      if (typeof values !== 'string') await writer.write(split, values);
      else if (strict) throw new Error(`${files.where}: ${file} ${values}`);
      else skipped.push({ file, reason: values });
      onProgress?.({ what: 'reading images', done: ++done, total: rows.length });
    }
    if (skipped.length === rows.length)
      throw new Error(
        `${files.where}: none of its ${rows.length} images can be used; the first one, ${skipped[0]?.file}, ${skipped[0]?.reason}`,
      );
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: writer.path, splits: writer.counts, leftOut: [...skipped, ...leftOut] };
}

const imageName = /\.(jpe?g|png|webp|gif|bmp|tiff?)$/i;

/** The images among a source's files, by their endings, below a folder. */
export const imagesIn = (files: SourceFiles, folder: string): string[] =>
  files.names.filter((name) => name.startsWith(folder) && imageName.test(name));

/** The images below a folder that no row uses. */
export function unusedImages(files: SourceFiles, folder: string, rows: readonly ImageRow[], reason: string): LeftOut[] {
  const used = new Set(rows.map(({ file }) => file));
  return imagesIn(files, folder)
    .filter((file) => !used.has(file))
    .map((file) => ({ file, reason }));
}

/** The name of a file without its folders. */
export const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Finds images by the names of their files, whatever folder they are in. */
export const filesByName = (names: readonly string[]): ReadonlyMap<string, string> =>
  new Map(names.toReversed().map((name) => [fileName(name), name]));
