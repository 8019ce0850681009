/** The datasets that can be built by name. */
import path from 'node:path';
import { openDataset } from '@tessera/data';
import { type DatasetBuilder, type Progress, versionMark } from './builder.ts';
import { cifar10, cifar100 } from './cifar/index.ts';
import { food101 } from './class-images/food101.ts';
import { imagenet } from './class-images/imagenet.ts';
import { oxfordPets } from './class-images/pets.ts';
import { emoji } from './emoji/index.ts';
import { fashionMnist } from './fashion-mnist/index.ts';
import { kmnist } from './kmnist/index.ts';
import { mnist } from './mnist/index.ts';
import { cocoCaptions } from './photo-captions/coco.ts';
import { conceptualCaptions } from './photo-captions/conceptual.ts';
import { flickr8k, flickr30k } from './photo-captions/flickr.ts';
import { coco } from './scenes/coco.ts';
import { voc, vocSegmentation } from './scenes/voc.ts';

/** The builders by name. */
export const datasets: Record<string, DatasetBuilder> = Object.fromEntries(
  [
    cifar10,
    cifar100,
    coco,
    cocoCaptions,
    conceptualCaptions,
    emoji,
    fashionMnist,
    flickr8k,
    flickr30k,
    food101,
    imagenet,
    kmnist,
    mnist,
    oxfordPets,
    voc,
    vocSegmentation,
  ].map((builder) => [builder.name, builder]),
);

/** The builder with this name. @throws for an unknown name; the message lists the known ones. */
export function datasetBuilder(name: string): DatasetBuilder {
  const builder = datasets[name];
  if (!builder) throw new Error(`no dataset "${name}"; datasets: ${Object.keys(datasets).join(', ')}`);
  return builder;
}

/** Whether `directory` contains the dataset in the builder's present version. */
async function isCurrent(directory: string, builder: DatasetBuilder): Promise<boolean> {
  try {
    using dataset = await openDataset(directory);
    return dataset.info.description.endsWith(versionMark(builder));
  } catch {
    return false;
  }
}

/**
 * Builds a dataset in a directory below `root`, unless it is there already in the present version and undamaged.
 *
 * @returns the path of the dataset
 * @throws for an unknown name, or if the dataset cannot be built on this machine; the message says what is missing
 */
export async function ensureDataset(
  name: string,
  root: string,
  onProgress?: (progress: Progress) => void,
): Promise<string> {
  const builder = datasetBuilder(name);
  const directory = path.resolve(root, name);
  if (await isCurrent(directory, builder)) return directory;
  await builder.build(directory, { overwrite: true, ...(onProgress && { onProgress }) });
  return directory;
}

/** The first of some datasets that can be built on this machine, and why the ones before it cannot. */
export async function firstAvailable(names: readonly string[]): Promise<{ name: string; notes: string[] }> {
  const notes: string[] = [];
  for (const name of names) {
    const problem = await datasetBuilder(name).unavailable();
    if (problem === null) return { name, notes };
    notes.push(problem);
  }
  throw new Error(notes.join('\n'));
}
