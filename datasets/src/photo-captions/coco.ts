/** The builder of COCO's captions. */
import type { LeftOut } from '@tessera/data/folder';
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, locate, sourceBuilder } from '../source/builder.ts';
import { cocoArchives, cocoFile, cocoSplits, cocoYear, readCocoCaptions } from '../source/coco.ts';
import { filesByName, imagesIn } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { type CaptionedImage, readKarpathy, writeCaptioned } from './captions.ts';

/** The images of a split with their captions. */
async function readCoco(files: SourceFiles, name: string, split: string): Promise<CaptionedImage[]> {
  const { images, captions } = await readCocoCaptions(files, name);
  return images.map(({ id, file_name: image }) => ({ image, split, captions: captions.get(id) ?? [] }));
}

/** The images of all splits. A split none of whose images were downloaded is left out as a whole. */
async function listCoco(
  files: SourceFiles,
  builder: DatasetBuilder,
): Promise<{ images: CaptionedImage[]; leftOut: LeftOut[] }> {
  const karpathy = baseOf(files, 'dataset_coco.json');
  if (karpathy !== null) return { images: await readKarpathy(files, `${karpathy}dataset_coco.json`), leftOut: [] };
  const year = cocoYear(files, 'captions');
  const base = locate(
    files,
    Object.keys(cocoSplits).map((split) => cocoFile('captions', split, year)),
    builder,
  );
  const places = filesByName(imagesIn(files, ''));
  const images: CaptionedImage[] = [];
  const leftOut: LeftOut[] = [];
  for (const [split, name] of Object.entries(cocoSplits)) {
    const file = base + cocoFile('captions', split, year);
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
  archives: { ...cocoArchives('captions'), 'caption_datasets.zip': 'dataset_coco.json' },
  async build(files, target, builder, options) {
    const { images, leftOut } = await listCoco(files, builder);
    return writeCaptioned(files, target, builder, images, options, leftOut);
  },
});
