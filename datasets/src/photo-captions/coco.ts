/** The builder of COCO's captions. */

import type { LeftOut } from '@tessera/data/folder';
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, locate, readJson, sourceBuilder } from '../source/builder.ts';
import { imagesIn } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { type CaptionedImage, filesByName, groupCaptions, readKarpathy, writeCaptioned } from './captions.ts';

/** COCO's names of the splits, and ours. */
const splits = { train: 'train', val: 'validation' } as const;
const years = [2017, 2014] as const;

const fileOf = (split: string, year: number): string => `annotations/captions_${split}${year}.json`;

interface CocoCaptions {
  images?: { id: number; file_name: string }[];
  annotations?: { image_id: number; caption: string }[];
}

/** The images of a split with their captions. @throws where the file has another form, or a caption has no image */
async function readCoco(files: SourceFiles, name: string, split: string): Promise<CaptionedImage[]> {
  const { images, annotations } = await readJson<CocoCaptions>(files, name);
  if (!Array.isArray(images) || !Array.isArray(annotations))
    throw new Error(`${files.where}: ${name} has no lists "images" and "annotations"`);
  const names = new Map(images.map(({ id, file_name }) => [id, file_name]));
  const captions = groupCaptions(
    annotations.map(({ image_id, caption }, i) => {
      const image = names.get(image_id);
      if (image === undefined || typeof caption !== 'string')
        throw new Error(`${files.where}: ${name}: annotation ${i} has no caption, or no image with id ${image_id}`);
      return { image, caption: caption.trim() };
    }),
  );
  return images.map(({ file_name: image }) => ({
    image,
    split,
    captions: (captions.get(image) ?? []).filter((text) => text !== ''),
  }));
}

/** The images of all splits. A split none of whose images were downloaded is left out as a whole. */
async function listCoco(
  files: SourceFiles,
  builder: DatasetBuilder,
): Promise<{ images: CaptionedImage[]; leftOut: LeftOut[] }> {
  const karpathy = baseOf(files, 'dataset_coco.json');
  if (karpathy !== null) return { images: await readKarpathy(files, `${karpathy}dataset_coco.json`), leftOut: [] };
  const year = years.find((each) => baseOf(files, fileOf('train', each)) !== null) ?? years[0];
  const base = locate(
    files,
    Object.keys(splits).map((split) => fileOf(split, year)),
    builder,
  );
  const places = filesByName(imagesIn(files, ''));
  const images: CaptionedImage[] = [];
  const leftOut: LeftOut[] = [];
  for (const [split, name] of Object.entries(splits)) {
    const file = base + fileOf(split, year);
    const found = await readCoco(files, file, name);
    if (found.some(({ image }) => places.has(image))) images.push(...found);
    else leftOut.push({ file, reason: `none of its ${found.length} images, ${split}${year}/*.jpg, are there` });
  }
  return { images, leftOut };
}

export const cocoCaptions: DatasetBuilder = sourceBuilder({
  name: 'coco-captions',
  title: 'COCO captions: photographs with five captions each',
  license: 'CC BY 4.0 (captions); the photographs are under the terms of Flickr',
  homepage: 'https://cocodataset.org/#download',
  version: 1,
  downloads:
    'annotations/captions_train2017.json and captions_val2017.json (in annotations_trainval2017.zip) with train2017.zip and val2017.zip, the same of 2014, or dataset_coco.json with the images of 2014',
  archives: Object.fromEntries([
    ...years.flatMap((year) => [
      [`annotations_trainval${year}.zip`, `annotations/captions_train${year}.json`],
      [`train${year}.zip`, `train${year}/`],
      [`val${year}.zip`, `val${year}/`],
    ]),
    ['caption_datasets.zip', 'dataset_coco.json'],
  ]) as Record<string, string>,
  async build(files, target, builder, options) {
    const { images, leftOut } = await listCoco(files, builder);
    return writeCaptioned(files, target, builder, images, options, leftOut);
  },
});
