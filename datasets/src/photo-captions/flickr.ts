/** The builders of Flickr8k and Flickr30k. */

import { parseDelimited } from '@tessera/data/folder';
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, locate, readLines, readText, sourceBuilder } from '../source/builder.ts';
import type { SourceFiles } from '../source/source-files.ts';
import {
  type CaptionedImage,
  groupCaptions,
  readCaptionLines,
  readKarpathy,
  splitByHash,
  tokenLine,
  writeCaptioned,
} from './captions.ts';

/** Flickr8k's lists of images by split. */
const flickr8kSplits = {
  train: 'Flickr_8k.trainImages.txt',
  validation: 'Flickr_8k.devImages.txt',
  test: 'Flickr_8k.testImages.txt',
} as const;

/** Images with captions, without their splits. */
const withSplits = (
  captions: ReadonlyMap<string, readonly string[]>,
  splitOf: (image: string) => string | null,
): CaptionedImage[] => Array.from(captions, ([image, texts]) => ({ image, captions: texts, split: splitOf(image) }));

/** The split of each image in Flickr8k's lists; null without these lists. */
async function readFlickr8kSplits(
  files: SourceFiles,
  builder: DatasetBuilder,
): Promise<((image: string) => string | null) | null> {
  const lists = Object.values(flickr8kSplits);
  if (lists.every((list) => baseOf(files, list) === null)) return null;
  const base = locate(files, lists, builder);
  const splits = new Map<string, string>();
  for (const [split, list] of Object.entries(flickr8kSplits))
    for (const { text } of await readLines(files, base + list)) splits.set(text.trim(), split);
  return (image) => splits.get(image) ?? null;
}

/** The captions in Kaggle's table, with the columns image and caption. */
async function readKaggle(files: SourceFiles, name: string): Promise<{ image: string; caption: string }[]> {
  const { columns, rows } = await parseDelimited(`${files.where}: ${name}`, await readText(files, name), ',');
  if (!columns.includes('image') || !columns.includes('caption'))
    throw new Error(`${files.where}: ${name} has the columns ${columns.join(', ')}; expected image and caption`);
  return rows.map(({ values }) => ({ image: String(values.image), caption: String(values.caption).trim() }));
}

async function listFlickr8k(files: SourceFiles, builder: DatasetBuilder): Promise<CaptionedImage[]> {
  const found = (name: string): string | null => {
    const base = baseOf(files, name);
    return base === null ? null : base + name;
  };
  const karpathy = found('dataset_flickr8k.json');
  if (karpathy !== null) return readKarpathy(files, karpathy);
  const splitOf = (await readFlickr8kSplits(files, builder)) ?? splitByHash;
  const kaggle = found('captions.txt');
  const tokens = found('Flickr8k.token.txt');
  if (tokens === null && kaggle !== null) return withSplits(groupCaptions(await readKaggle(files, kaggle)), splitOf);
  const base = locate(files, ['Flickr8k.token.txt'], builder);
  return withSplits(groupCaptions(await readCaptionLines(files, `${base}Flickr8k.token.txt`, tokenLine)), splitOf);
}

/** A line of results.csv: `IMAGE| NUMBER| CAPTION`. In one line of the published file, the second bar is missing. */
const resultsLine = /^(?<image>[^|]+)\|\s*\d+\s*\|?\s*(?<caption>.*)$/;

/** Flickr30k's files of captions, from the one that says most: with splits, then with clean lines. */
const flickr30kReaders: Readonly<Record<string, (files: SourceFiles, name: string) => Promise<CaptionedImage[]>>> = {
  'dataset_flickr30k.json': readKarpathy,
  'results_20130124.token': async (files, name) =>
    withSplits(groupCaptions(await readCaptionLines(files, name, tokenLine)), splitByHash),
  'results.csv': async (files, name) =>
    withSplits(groupCaptions(await readCaptionLines(files, name, resultsLine, 1)), splitByHash),
};

async function listFlickr30k(files: SourceFiles, builder: DatasetBuilder): Promise<CaptionedImage[]> {
  for (const [name, read] of Object.entries(flickr30kReaders)) {
    const base = baseOf(files, name);
    if (base !== null) return read(files, base + name);
  }
  locate(files, Object.keys(flickr30kReaders), builder);
  return [];
}

const license = 'for research and education, without commercial use; the photographs belong to their authors at Flickr';

export const flickr8k: DatasetBuilder = sourceBuilder({
  name: 'flickr8k',
  title: 'Flickr8k: photographs with five captions each',
  license,
  homepage: 'https://hockenmaier.cs.illinois.edu/8k-pictures.html',
  version: 1,
  downloads:
    'Flickr8k_Dataset.zip and Flickr8k_text.zip with Flickr8k.token.txt and the lists Flickr_8k.*Images.txt, or the copy at Kaggle with captions.txt and Images, or dataset_flickr8k.json and the images',
  archives: {
    'Flickr8k_Dataset.zip': 'Flicker8k_Dataset/',
    'Flickr8k_text.zip': 'Flickr8k.token.txt',
    'caption_datasets.zip': 'dataset_flickr8k.json',
  },
  build: async (files, target, builder, options) =>
    writeCaptioned(files, target, builder, await listFlickr8k(files, builder), options),
});

export const flickr30k: DatasetBuilder = sourceBuilder({
  name: 'flickr30k',
  title: 'Flickr30k: photographs with five captions each',
  license,
  homepage: 'https://shannon.cs.illinois.edu/DenotationGraph/',
  version: 1,
  downloads:
    'the images (flickr30k-images.tar) and one of dataset_flickr30k.json (with splits, in caption_datasets.zip), results_20130124.token (in flickr30k.tar.gz) and results.csv',
  archives: {
    'flickr30k-images.tar': 'flickr30k-images/',
    'flickr30k-images.tar.gz': 'flickr30k-images/',
    'flickr30k.tar.gz': 'results_20130124.token',
    'caption_datasets.zip': 'dataset_flickr30k.json',
  },
  build: async (files, target, builder, options) =>
    writeCaptioned(files, target, builder, await listFlickr30k(files, builder), options),
});
