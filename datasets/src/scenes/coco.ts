/** The builder of COCO: photographs with boxes, masks of the objects' classes and, if there, captions. */
import { type Features, feature, ignoredClass } from '@tessera/data';
import type { LeftOut } from '@tessera/data/folder';
import type { BuildOptions, DatasetBuilder } from '../builder.ts';
import type { PixelSize } from '../prepare-image.ts';
import { baseOf, sourceBuilder } from '../source/builder.ts';
import { cocoArchives, cocoFile, cocoSplits, cocoYear, readCocoCaptions } from '../source/coco.ts';
import {
  fileName,
  filesByName,
  type ImageRow,
  type ImageRows,
  imagesIn,
  unusedImages,
  writeImageRows,
} from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { type CocoInstances, type CocoObject, readCocoInstances } from './coco-file.ts';
import { storedMask } from './masks.ts';
import { areaScale, objectsFeature, refuseProblems, storedBoxes } from './objects.ts';
import { eachPixel, segmentationRuns } from './runs.ts';

/** A file of instances, and the name of its split. */
interface InstancesFile {
  readonly split: string;
  readonly file: string;
  /** Folders in which its images are looked for first. */
  readonly folders: readonly string[];
  /** The file with the captions of its images. */
  readonly captions: string;
}

/** Names of splits in the files of other data sets in COCO's layout. */
const splitNames: Readonly<Record<string, string>> = { default: 'train', val: 'validation', valid: 'validation' };
const splitOf = (name: string): string => splitNames[name] ?? name;

/** Files as annotation tools export them: `instances_NAME.json`, or `NAME/_annotations.coco.json`. */
const otherFile =
  /^(?<base>.*?)(?:(?:annotations\/)?instances_(?<name>[a-z]+)\.json|(?<folder>[a-z]+)\/_annotations\.coco\.json)$/i;

/** The files of instances: those of COCO, otherwise those of tools. @throws where there is none */
function findInstances(files: SourceFiles, { name, downloads }: DatasetBuilder): InstancesFile[] {
  const year = cocoYear(files, 'instances');
  const official = Object.entries(cocoSplits).flatMap(([split, ours]) => {
    const file = cocoFile('instances', split, year);
    const base = baseOf(files, file);
    const folders = [`${base}${split}${year}/`, `${base}images/${split}${year}/`];
    return base === null
      ? []
      : [{ split: ours, file: base + file, folders, captions: base + cocoFile('captions', split, year) }];
  });
  if (official.length > 0) return official;
  const others = files.names.flatMap((file) => {
    const { base, name: own, folder } = otherFile.exec(file)?.groups ?? {};
    const split = (own ?? folder)?.toLowerCase();
    if (base === undefined || split === undefined) return [];
    const folders = [`${base}${split}/`, `${base}images/${split}/`, `${base}images/`];
    return [{ split: splitOf(split), file, folders, captions: file.replace('instances_', 'captions_') }];
  });
  if (others.length === 0)
    throw new Error(
      `${files.where}: does not contain ${cocoFile('instances', 'train', year)}. ${name} is built from ${downloads}`,
    );
  return others;
}

/**
 * A class for each pixel: 0 for the background, 1 + category, and 255 where objects of different classes overlap, and in the boxes of
 * objects without outline.
 *
 * @param complain receives the objects whose outlines cannot be drawn, and why
 */
function classMask(
  objects: readonly CocoObject[],
  { width, height }: PixelSize,
  complain: (object: CocoObject, reason: string) => void,
): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (const object of objects) {
    const value = object.category + 1;
    const paint = (at: number): void => {
      const before = mask[at] as number;
      mask[at] = before === 0 || before === value ? value : ignoredClass;
    };
    try {
      if (object.outline === null) throw new Error('no outline');
      for (const runs of segmentationRuns(object.outline, height, width)) eachPixel(runs, height, width, paint);
    } catch (error) {
      complain(object, `has ${(error as Error).message}; its box does not count in the mask`);
      const [x, y, w, h] = object.box;
      for (let row = Math.max(0, Math.floor(y)); row < Math.min(height, y + h); row++)
        mask.fill(
          ignoredClass,
          row * width + Math.max(0, Math.floor(x)),
          row * width + Math.min(width, Math.ceil(x + w)),
        );
    }
  }
  return mask;
}

/** More classes do not fit into a mask of bytes next to the background and the value of pixels that do not count. */
const mostMaskClasses = 254;

/** What is read of a split. */
interface CocoSplit extends InstancesFile, CocoInstances {
  /** Captions by the images' ids; null where there are none. */
  readonly texts: ReadonlyMap<number, readonly string[]> | null;
}

async function readSplit(files: SourceFiles, place: InstancesFile): Promise<CocoSplit> {
  const instances = await readCocoInstances(files, place.file);
  const texts = files.has(place.captions) ? (await readCocoCaptions(files, place.captions)).captions : null;
  return { ...place, ...instances, texts };
}

/** The names of the categories, which are the same in all files. @throws where they differ */
function categoriesOf(files: SourceFiles, splits: readonly CocoSplit[]): string[] {
  const [first, ...others] = splits.map(({ file, categories }) => ({ file, text: JSON.stringify([...categories]) }));
  const different = others.find(({ text }) => text !== first?.text);
  if (different !== undefined)
    throw new Error(`${files.where}: ${first?.file} and ${different.file} have different categories`);
  return [...(splits[0]?.categories.values() ?? [])];
}

/** Where the images of a split are: in its folders, or anywhere under their names. */
function imageFinder(files: SourceFiles): (name: string, place: InstancesFile) => string {
  const anywhere = filesByName(imagesIn(files, ''));
  return (name, { folders, file }) => {
    const ownFolder = file.slice(0, file.lastIndexOf('/') + 1);
    const candidates = [...folders, ownFolder].map((folder) => folder + name);
    return candidates.find((each) => files.has(each)) ?? anywhere.get(fileName(name)) ?? name;
  };
}

async function listCoco(
  files: SourceFiles,
  builder: DatasetBuilder,
  strict: boolean,
): Promise<ImageRows & { readonly drawn: LeftOut[] }> {
  const splits: CocoSplit[] = [];
  for (const place of findInstances(files, builder)) splits.push(await readSplit(files, place));
  const classes = categoriesOf(files, splits);
  const problems = splits.flatMap((split) => split.problems);
  refuseProblems(files.where, problems, strict);
  const leftOut: LeftOut[] = [...problems];
  const drawn: LeftOut[] = [];
  const hasOutlines = splits.some(({ scenes }) =>
    scenes.some(({ objects }) => objects.some((each) => each.outline !== null)),
  );
  const hasMasks = hasOutlines && classes.length <= mostMaskClasses;
  if (hasOutlines && !hasMasks)
    leftOut.push({
      file: 'the column mask',
      reason: `cannot have ${classes.length} classes; at most ${mostMaskClasses}`,
    });
  const hasCaptions = splits.some(({ texts }) => texts !== null);
  const find = imageFinder(files);
  const rows: ImageRow[] = [];
  for (const split of splits) {
    const own = split.scenes.map(
      ({ image, size, objects }): ImageRow => ({
        split: split.split,
        file: find(image.file_name, split),
        annotated: size,
        values: async (picture) => ({
          image_id: image.id,
          objects: {
            id: objects.map(({ id }) => id),
            bbox: storedBoxes(
              objects.map(({ box }) => box),
              picture,
            ),
            category: objects.map(({ category }) => category),
            area: objects.map(({ area }) => area * areaScale(picture)),
            iscrowd: objects.map(({ crowd }) => crowd),
          },
          ...(hasMasks && {
            mask: storedMask(
              {
                data: classMask(objects, picture.original, ({ id }, reason) => {
                  if (strict) throw new Error(`${files.where}: ${split.file}: annotation ${id} ${reason}`);
                  drawn.push({ file: `${split.file}: annotation ${id}`, reason });
                }),
                ...picture.original,
              },
              picture,
            ),
          }),
          ...(hasCaptions && { captions: split.texts?.get(image.id) ?? [] }),
        }),
      }),
    );
    if (own.some(({ file }) => files.has(file))) rows.push(...own);
    else leftOut.push({ file: split.file, reason: `none of its ${own.length} images are there` });
  }
  const features: Features = {
    image: feature.image(),
    image_id: feature.value('int64'),
    objects: objectsFeature(classes, {
      id: feature.value('int64'),
      area: feature.value('float64'),
      iscrowd: feature.value('bool'),
    }),
    ...(hasMasks && { mask: feature.image() }),
    ...(hasCaptions && { captions: feature.list(feature.value('string')) }),
  };
  const unused = unusedImages(files, '', rows, 'is not listed');
  return { features, rows, leftOut: [...leftOut, ...unused], drawn };
}

export const coco: DatasetBuilder = sourceBuilder({
  name: 'coco',
  title: 'COCO: photographs with boxes and masks of objects in 80 classes',
  license: 'CC BY 4.0 (annotations); the photographs are under the terms of Flickr',
  homepage: 'https://cocodataset.org/#download',
  version: 1,
  downloads:
    'annotations/instances_train2017.json and instances_val2017.json (in annotations_trainval2017.zip) with train2017.zip and val2017.zip, the same of 2014, or another data set in this layout',
  archives: cocoArchives('instances'),
  async build(files, target, builder, options: BuildOptions) {
    const { drawn, ...rows } = await listCoco(files, builder, options.strict ?? false);
    const report = await writeImageRows(files, target, builder, rows, options);
    // Images are drawn several at a time, so the order of their problems varies.
    const inOrder = drawn.sort((a, b) => (a.file < b.file ? -1 : 1));
    return { ...report, leftOut: [...(report.leftOut ?? []), ...inOrder] };
  },
});
