/** What datasets of captioned photographs have in common. */
import { type Features, feature } from '@tessera/data';
import type { LeftOut } from '@tessera/data/folder';
import { InputProblems, unitHash } from '@tessera/data/folder';
import type { BuildOptions, BuildReport, DatasetBuilder } from '../builder.ts';
import { readJson, readLines } from '../source/builder.ts';
import { fileName, filesByName, type ImageRow, imagesIn, unusedImages, writeImageRows } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';

/** The columns of all of them. */
export const captionFeatures: Features = { image: feature.image(), captions: feature.list(feature.value('string')) };

/** An image's captions, and its split if the dataset has splits. */
export interface CaptionedImage {
  /** The name of the image's file, without folders. */
  image: string;
  captions: readonly string[];
  /** Null where the dataset's splits do not name the image. */
  split: string | null;
}

/** The share of the images that goes to the split test if the source has no splits, as in folders. */
const testShare = 0.1;

/** The split of an image of a dataset without splits: always the same for an image. */
export const splitByHash = (image: string): string => (unitHash(`split/${image}`) < testShare ? 'test' : 'train');

/** Captions by image, in the order in which the images are first named. */
export function groupCaptions(
  pairs: Iterable<{ readonly image: string; readonly caption: string }>,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { image, caption } of pairs) {
    const group = groups.get(image);
    if (group) group.push(caption);
    else groups.set(image, [caption]);
  }
  return groups;
}

/**
 * Reads lines that a pattern takes apart into the groups `image` and `caption`.
 *
 * @throws InputProblems with the numbers of the lines that do not match
 */
export async function readCaptionLines(
  files: SourceFiles,
  name: string,
  pattern: RegExp,
  skipLines = 0,
): Promise<{ image: string; caption: string }[]> {
  const pairs: { image: string; caption: string }[] = [];
  const problems: string[] = [];
  for (const { line, text } of (await readLines(files, name)).slice(skipLines)) {
    const { image, caption } = pattern.exec(text)?.groups ?? {};
    if (image === undefined || caption === undefined || caption.trim() === '')
      problems.push(`line ${line}: expected an image and a caption, found "${text.slice(0, 60)}"`);
    else pairs.push({ image: image.trim(), caption: caption.trim() });
  }
  if (problems.length > 0) throw new InputProblems(`${files.where}: ${name}`, problems);
  return pairs;
}

/** A caption of Flickr8k's and Flickr30k's files of tokens: `IMAGE#NUMBER`, a tab, and the caption. */
export const tokenLine = /^(?<image>[^\t]+)#\d+\t(?<caption>.*)$/;

/** The splits in the files of A. Karpathy and L. Fei-Fei, "Deep visual-semantic alignments", 2015. `restval` is used for training. */
const karpathySplits: Readonly<Record<string, string>> = {
  train: 'train',
  restval: 'train',
  val: 'validation',
  test: 'test',
};

/** Reads a file of Karpathy's: `{ images: [{ filename, split, sentences: [{ raw }] }] }`. @throws where it has another form */
export async function readKarpathy(files: SourceFiles, name: string): Promise<CaptionedImage[]> {
  const { images } = await readJson<{
    images?: { filename: string; split: string; sentences: { raw: string }[] }[];
  }>(files, name);
  if (!Array.isArray(images)) throw new Error(`${files.where}: ${name} has no list "images"`);
  return images.map(({ filename, split, sentences }, i) => {
    const known = karpathySplits[split];
    if (typeof filename !== 'string' || known === undefined || !Array.isArray(sentences))
      throw new Error(
        `${files.where}: ${name}: image ${i} has not the expected form: filename, split (${Object.keys(karpathySplits).join(', ')}), sentences`,
      );
    return { image: filename, split: known, captions: sentences.map(({ raw }) => raw.trim()).filter(Boolean) };
  });
}

/** Writes the dataset. Images without split, without caption, or without file are left out and named. */
export function writeCaptioned(
  files: SourceFiles,
  target: string,
  builder: DatasetBuilder,
  images: readonly CaptionedImage[],
  options: BuildOptions,
  alreadyLeftOut: readonly LeftOut[] = [],
): Promise<BuildReport> {
  const places = filesByName(imagesIn(files, ''));
  const rows: ImageRow[] = [];
  const leftOut: LeftOut[] = [...alreadyLeftOut];
  const listed = new Set<string>();
  for (const { image, captions, split } of images) {
    const file = places.get(image) ?? image;
    listed.add(file);
    if (split === null) leftOut.push({ file, reason: 'is in none of the splits' });
    else if (captions.length === 0) leftOut.push({ file, reason: 'has no caption' });
    else rows.push({ split, file, values: { captions: [...captions] } });
  }
  const unlisted = unusedImages(files, '', rows, 'has no caption')
    .filter(({ file }) => !listed.has(file))
    .map(({ file, reason }) => ({
      file,
      reason: places.get(fileName(file)) === file ? reason : 'is a second file of the same name',
    }));
  return writeImageRows(
    files,
    target,
    builder,
    { features: captionFeatures, rows, leftOut: [...leftOut, ...unlisted] },
    options,
  );
}
