import { setImmediate } from 'node:timers/promises';
import { DatasetWriter, feature } from '@tessera/data';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from './builder.ts';
import { encodeGreyPng } from './png.ts';

/** A small grey picture with its class. */
export interface GreyImage {
  split: 'train' | 'test';
  /** One byte a pixel, 0 black. */
  pixels: Uint8Array;
  label: number;
}

const side = 28;
/** Rows between two reports of progress. */
const reportEvery = 500;

/** Writes 28 x 28 grey pictures with classes as a dataset: columns `image` (PNG) and `label`. */
export async function writeGreyImages(
  target: string,
  builder: DatasetBuilder,
  classes: readonly string[],
  images: GreyImage[],
  { onProgress, overwrite = false }: BuildOptions,
): Promise<BuildReport> {
  const features = { image: feature.image(), label: feature.classLabel(classes) };
  const writer = await DatasetWriter.create(target, { features, info: infoOf(builder), overwrite });
  try {
    for (const split of ['train', 'test']) writer.addSplit(split);
    for (const [i, { split, pixels, label }] of images.entries()) {
      await writer.write(split, { image: { bytes: encodeGreyPng(pixels, side, side), path: null }, label });
      if ((i + 1) % reportEvery !== 0 && i + 1 < images.length) continue;
      onProgress?.({ what: `encoding ${builder.name}`, done: i + 1, total: images.length });
      // Lets a progress bar be drawn.
      await setImmediate();
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: writer.path, splits: writer.counts };
}
