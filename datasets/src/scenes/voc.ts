/** The builders of Pascal VOC: for detection, with the lists in ImageSets/Main, and for segmentation, with those in ImageSets/Segmentation. */
import { type Features, feature } from '@tessera/data';
import type { LeftOut } from '@tessera/data/folder';
import { errorMessage } from '@tessera/data/io';
import type { DatasetBuilder } from '../builder.ts';
import type { PreparedImage } from '../prepare-image.ts';
import { readLines, readText, sourceBuilder } from '../source/builder.ts';
import {
  fileName,
  type ImageRow,
  type ImageRows,
  imagesIn,
  unusedImages,
  writeImageRows,
} from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { storedMaskFile } from './masks.ts';
import { objectsFeature, refuseProblems, storedBoxes } from './objects.ts';
import { parseVocFile, type VocScene } from './voc-file.ts';

/** The classes of VOC 2007 to 2012; their numbers in masks are one higher. */
const vocClasses = [
  ...['aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow'],
  ...['diningtable', 'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor'],
] as const;

/** The lists of a split, the first that is there counts. */
const splitLists = { train: ['train', 'trainval'], validation: ['val'], test: ['test'] } as const;

type Purpose = 'Main' | 'Segmentation';

/** The folder of the year. @throws where there is none, or more than one */
function findYear(files: SourceFiles, purpose: Purpose, { name, downloads }: DatasetBuilder): string {
  const pattern = new RegExp(`^(.*?)ImageSets/${purpose}/(train|val|trainval|test)\\.txt$`);
  const bases = [...new Set(files.names.flatMap((each) => pattern.exec(each)?.[1] ?? []))];
  const [base] = bases;
  if (base === undefined)
    throw new Error(
      `${files.where}: does not contain ImageSets/${purpose}/train.txt. ${name} is built from ${downloads}`,
    );
  if (bases.length > 1)
    throw new Error(
      `${files.where}: contains several years, ${bases.join(', ')}; name the folder of one of them with --from`,
    );
  return base;
}

/** The names of the images in each split. */
async function readLists(files: SourceFiles, folder: string): Promise<Map<string, string>> {
  const splits = new Map<string, string>();
  for (const [split, lists] of Object.entries(splitLists)) {
    const list = lists.find((each) => files.has(`${folder}${each}.txt`));
    if (list === undefined) continue;
    for (const { text } of await readLines(files, `${folder}${list}.txt`)) {
      const [name = ''] = text.trim().split(/\s+/);
      if (!splits.has(name)) splits.set(name, split);
    }
  }
  return splits;
}

/** The image files by their names without ending. */
const imagesByName = (files: SourceFiles, folder: string): ReadonlyMap<string, string> =>
  new Map(imagesIn(files, folder).map((file) => [fileName(file).replace(/\.\w+$/, ''), file]));

/** VOC's classes, or those that are there in a data set that has none of VOC's. */
function classesOf(scenes: Iterable<VocScene>): readonly string[] {
  const names = new Set([...scenes].flatMap(({ objects }) => objects.map(({ name }) => name)));
  const isVoc = names.size === 0 || vocClasses.some((name) => names.has(name));
  return isVoc ? vocClasses : [...names].sort();
}

/** The objects of an image as a cell. Those of unknown classes are left out. */
function cellOf({ objects }: VocScene, numbers: ReadonlyMap<string, number>, picture: PreparedImage): object {
  const known = objects.filter(({ name }) => numbers.has(name));
  return {
    bbox: storedBoxes(
      known.map(({ box }) => box),
      picture,
    ),
    category: known.map(({ name }) => numbers.get(name)),
    difficult: known.map(({ difficult }) => difficult),
    truncated: known.map(({ truncated }) => truncated),
    occluded: known.map(({ occluded }) => occluded),
    pose: known.map(({ pose }) => pose),
  };
}

async function listVoc(
  files: SourceFiles,
  purpose: Purpose,
  builder: DatasetBuilder,
  strict: boolean,
): Promise<ImageRows> {
  const base = findYear(files, purpose, builder);
  const splits = await readLists(files, `${base}ImageSets/${purpose}/`);
  const images = imagesByName(files, `${base}JPEGImages/`);
  const scenes = new Map<string, VocScene>();
  const problems: LeftOut[] = [];
  for (const name of splits.keys()) {
    const file = `${base}Annotations/${name}.xml`;
    if (!files.has(file)) continue;
    try {
      const scene = parseVocFile(await readText(files, file));
      scenes.set(name, scene);
      problems.push(...scene.problems.map(({ object, reason }) => ({ file: `${file}: object ${object}`, reason })));
    } catch (error) {
      problems.push({ file, reason: errorMessage(error) });
    }
  }
  const classes = classesOf(scenes.values());
  const numbers = new Map<string, number>(classes.map((name, number) => [name, number]));
  for (const [name, { objects }] of scenes)
    for (const object of objects)
      if (!numbers.has(object.name))
        problems.push({
          file: `${base}Annotations/${name}.xml`,
          reason: `has an object of the unknown class ${object.name}`,
        });
  const isSegmentation = purpose === 'Segmentation';
  const rows: ImageRow[] = [];
  const listed = new Set<string>();
  for (const [name, split] of splits) {
    const file = images.get(name) ?? `${base}JPEGImages/${name}.jpg`;
    const maskFile = `${base}SegmentationClass/${name}.png`;
    const scene = scenes.get(name);
    listed.add(file);
    const needed = isSegmentation ? files.has(maskFile) : scene !== undefined;
    if (!needed) {
      if (isSegmentation || !files.has(`${base}Annotations/${name}.xml`))
        problems.push({ file, reason: isSegmentation ? 'has no mask' : 'has no annotations' });
      continue;
    }
    rows.push({
      split,
      file,
      annotated: scene?.size,
      async values(picture) {
        const objects = scene === undefined ? null : cellOf(scene, numbers, picture);
        if (!files.has(maskFile)) return { objects, mask: null };
        const mask = await storedMaskFile(await files.read(maskFile), picture);
        if (typeof mask === 'string') return `has a mask, ${maskFile}, that ${mask}`;
        return { objects, mask: { bytes: mask, path: maskFile } };
      },
    });
  }
  refuseProblems(files.where, problems, strict);
  const features: Features = {
    image: feature.image(),
    objects: objectsFeature(classes, {
      difficult: feature.value('bool'),
      truncated: feature.value('bool'),
      occluded: feature.value('bool'),
      pose: feature.value('string'),
    }),
    mask: feature.image(),
  };
  const unused = unusedImages(files, `${base}JPEGImages/`, rows, 'is in none of the splits').filter(
    ({ file }) => !listed.has(file),
  );
  return { features, rows, leftOut: [...problems, ...unused] };
}

const vocBuilder = (name: string, purpose: Purpose, title: string): DatasetBuilder =>
  sourceBuilder({
    name,
    title,
    license: 'the photographs are under the terms of Flickr',
    homepage: 'http://host.robots.ox.ac.uk/pascal/VOC/',
    version: 1,
    downloads:
      'VOCtrainval_11-May-2012.tar, or VOCtrainval_06-Nov-2007.tar with VOCtest_06-Nov-2007.tar, their folder VOCdevkit with one year, or another data set in this layout',
    archives: {
      'VOCtrainval_11-May-2012.tar': 'VOC2012/Annotations/',
      'VOCtrainval_06-Nov-2007.tar': 'VOC2007/ImageSets/Main/trainval.txt',
      'VOCtest_06-Nov-2007.tar': 'VOC2007/ImageSets/Main/test.txt',
    },
    async build(files, target, builder, options) {
      const rows = await listVoc(files, purpose, builder, options.strict ?? false);
      return writeImageRows(files, target, builder, rows, options);
    },
  });

export const voc: DatasetBuilder = vocBuilder(
  'voc',
  'Main',
  'Pascal VOC: photographs with boxes of objects in 20 classes, some with masks',
);

export const vocSegmentation: DatasetBuilder = vocBuilder(
  'voc-segmentation',
  'Segmentation',
  'Pascal VOC: photographs with masks of objects in 20 classes',
);
