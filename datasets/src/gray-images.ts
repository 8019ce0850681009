/** Writing of datasets of small gray images, such as MNIST. */
import { setImmediate } from 'node:timers/promises';
import { DatasetWriter, encodePng, feature } from '@tessera/data';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from './builder.ts';

/** A gray image of 28 x 28 pixels with its class. */
export interface GrayImage {
  split: 'train' | 'test';
  /** One byte per pixel; 0 is black. */
  pixels: Uint8Array;
  label: number;
}

const side = 28;
/** The number of rows between two progress reports. */
const reportEvery = 500;

/** Writes gray images of 28 x 28 pixels as a dataset with the columns `image` (PNG) and `label`. */
export async function writeGrayImages(
  target: string,
  builder: DatasetBuilder,
  classes: readonly string[],
  images: GrayImage[],
  { onProgress, overwrite = false }: BuildOptions,
  title = builder.title,
): Promise<BuildReport> {
  const features = { image: feature.image(), label: feature.classLabel(classes) };
  const writer = await DatasetWriter.create(target, { features, info: infoOf(builder, title), overwrite });
  try {
    for (const split of ['train', 'test']) writer.addSplit(split);
    for (const [i, { split, pixels, label }] of images.entries()) {
      await writer.write(split, { image: { bytes: encodePng(pixels, side, side, 1), path: null }, label });
      if ((i + 1) % reportEvery !== 0 && i + 1 < images.length) continue;
      onProgress?.({ what: `encoding ${builder.name}`, done: i + 1, total: images.length });
      // Lets the event loop draw a progress bar.
      await setImmediate();
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: writer.path, splits: writer.counts };
}
