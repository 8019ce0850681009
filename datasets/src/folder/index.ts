import fsp from 'node:fs/promises';
import path from 'node:path';
import { DatasetWriter, decodeImage, type Features, feature } from '@tessera/data';
import sharp from 'sharp';
import type { BuildOptions, BuildReport } from '../builder.ts';
import { mapInOrder } from '../concurrency.ts';
import { type Entry, type EntryOptions, listEntries } from './entries.ts';

export interface FolderOptions extends BuildOptions, EntryOptions {
  /** Images whose shorter side is longer than this are stored smaller. Default: all as they are. */
  maxSize?: number;
  /** An image that cannot be decoded is an error. Default: it is left out and reported. */
  strict?: boolean;
  /** What the dataset says about itself. */
  title?: string;
  license?: string;
}

export interface FolderReport extends BuildReport {
  /** Captions or classes: what the images came with. */
  kind: 'captions' | 'classes';
  /** Names of the classes, in the order of their numbers; empty without classes. */
  classes: string[];
  /** Images that could not be decoded, and why. */
  skipped: { file: string; reason: string }[];
}

/** Images read and decoded at the same time. */
const atOnce = 4;

/** The shorter side of a drawing without pixels, where no other size was asked for. */
const drawingSize = 256;

/**
 * Builds a dataset from a folder of images.
 *
 * - With captions: a CSV, TSV or JSONL file (`captions.*` or `metadata.*`, or any single one) names each image and its caption;
 *   several rows of one image give it several captions, and in JSONL a caption may be a list. A column `label` gives classes,
 *   a column `split` splits.
 * - With classes: each sub-folder is a class, and holds its images.
 * - Folders `train`, `test`, `validation` on top of either make splits; otherwise a tenth of the images goes to `test`, chosen
 *   by a hash of the file's name.
 *
 * @throws where the input contradicts itself, all problems at once, with line numbers; nothing is built then.
 */
export async function buildFromFolder(
  folder: string,
  target: string,
  options: FolderOptions = {},
): Promise<FolderReport> {
  const entries = await listEntries(folder, options);
  const classes = [...new Set(entries.map(({ label }) => label).filter((label) => label !== null))].sort();
  const hasCaptions = entries.some(({ captions }) => captions.length > 0);
  const features: Features = {
    image: feature.image(),
    ...(hasCaptions && { captions: feature.list(feature.value('string')), concept: feature.value('int32') }),
    ...(classes.length > 0 && { label: feature.classLabel(classes) }),
  };
  const writer = await DatasetWriter.create(target, {
    features,
    info: {
      description: options.title ?? `Images from ${path.basename(path.resolve(folder))}`,
      license: options.license ?? '',
    },
    overwrite: options.overwrite ?? false,
  });
  const skipped: FolderReport['skipped'] = [];
  try {
    const conceptOf = numberer();
    const prepared = mapInOrder(entries, atOnce, async (entry) => ({
      entry,
      image: await prepare(folder, entry, options),
    }));
    let done = 0;
    for await (const { entry, image } of prepared) {
      if (typeof image === 'string') {
        if (options.strict) throw new Error(`${path.resolve(folder, entry.file)}: ${image}`);
        skipped.push({ file: entry.file, reason: image });
      } else {
        await writer.write(entry.split, {
          image: { bytes: image, path: entry.file },
          ...(hasCaptions && { captions: entry.captions, concept: conceptOf(entry.captions.join('\n').toLowerCase()) }),
          ...(classes.length > 0 && { label: entry.label }),
        });
      }
      options.onProgress?.({ what: 'reading images', done: ++done, total: entries.length });
    }
    if (skipped.length === entries.length) {
      throw new Error(
        `${folder}: none of its ${entries.length} images can be decoded; the first, ${skipped[0]?.file}: ${skipped[0]?.reason}`,
      );
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: writer.path, splits: writer.counts, kind: hasCaptions ? 'captions' : 'classes', classes, skipped };
}

/** Equal texts get equal numbers. */
function numberer(): (text: string) => number {
  const numbers = new Map<string, number>();
  return (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
}

/** The bytes to store, or why there are none. Every image is decoded once, as training will. */
async function prepare(folder: string, entry: Entry, { maxSize }: FolderOptions): Promise<Uint8Array | string> {
  try {
    const bytes = await fsp.readFile(path.resolve(folder, entry.file));
    const { width = 0, height = 0, format } = await sharp(bytes).metadata();
    const drawing = format === 'svg';
    if (!drawing && (maxSize === undefined || Math.min(width, height) <= maxSize)) {
      await decodeImage(bytes, { kind: 'working', size: 64 });
      return bytes;
    }
    const size = maxSize ?? drawingSize;
    const smaller = sharp(bytes, { failOn: 'error' })
      .autoOrient()
      .resize({ width: size, height: size, fit: 'outside', withoutEnlargement: !drawing });
    return await (format === 'jpeg'
      ? smaller.jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
      : smaller.png()
    ).toBuffer();
  } catch (error) {
    return `cannot be decoded (${error instanceof Error ? error.message : error})`;
  }
}
