/** Building of a dataset from a folder of images. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { cleanCaption, DatasetWriter, type Features, feature } from '@tessera/data';
import type { BuildOptions, BuildReport, LeftOut } from '../builder.ts';
import { mapInOrder } from '../concurrency.ts';
import { imagesAtOnce, prepareImage } from '../prepare-image.ts';
import { type EntryOptions, listEntries } from './entries.ts';

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
 * Builds a dataset from a folder of images.
 *
 * - With captions: a CSV, TSV or JSONL file (`captions.*`, `metadata.*`, or the only such file) lists the images with their captions. An
 *   image can have several captions: in several rows, or in JSONL as a list. A column `label` defines classes, a column `split` splits.
 * - With classes: each sub-folder is a class and contains its images.
 * - With splits: either form inside of folders named `train`, `test` and `validation`. Otherwise a tenth of the images goes to the split
 *   `test`, chosen by a hash of the file name.
 *
 * @throws InputProblems if the input is inconsistent; the message lists all problems with line numbers, and nothing is built
 */
export async function buildFromFolder(
  folder: string,
  target: string,
  options: FolderOptions = {},
): Promise<FolderReport> {
  const { entries, leftOut } = await listEntries(folder, options);
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
  const skipped: LeftOut[] = [];
  try {
    const conceptOf = numberer();
    const prepared = mapInOrder(entries, imagesAtOnce, async (entry) => ({
      entry,
      image: await prepareImage(() => fsp.readFile(path.resolve(folder, entry.file)), { maxSize: options.maxSize }),
    }));
    let done = 0;
    for await (const { entry, image } of prepared) {
      if (typeof image === 'string') {
        if (options.strict) throw new Error(`${path.resolve(folder, entry.file)}: ${image}`);
        skipped.push({ file: entry.file, reason: image });
      } else {
        await writer.write(entry.split, {
          image: { bytes: image.bytes, path: entry.file },
          ...(hasCaptions && {
            captions: entry.captions,
            concept: conceptOf(entry.captions.map(cleanCaption).join('\n')),
          }),
          ...(classes.length > 0 && { label: entry.label }),
        });
      }
      options.onProgress?.({ what: 'reading images', done: ++done, total: entries.length });
    }
    if (skipped.length === entries.length) {
      throw new Error(
        `${folder}: none of its ${entries.length} images can be decoded; the first one, ${skipped[0]?.file}, ${skipped[0]?.reason}`,
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
    kind: hasCaptions ? 'captions' : 'classes',
    classes,
    skipped,
    leftOut,
  };
}

/** Returns a function that numbers texts: equal texts have equal numbers. */
function numberer(): (text: string) => number {
  const numbers = new Map<string, number>();
  return (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
}
