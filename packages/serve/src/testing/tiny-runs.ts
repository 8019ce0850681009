/** Tiny trained runs for tests. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EncodedImage, openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { setDefaultBackend } from '@tessera/tensor';
import { loadConfig, RunFolder, trainModel } from '@tessera/train';

const short = ['data.workers=0', 'training.batchSize=6', 'training.epochs=1', 'schedule.warmupSteps=1'];
const unmeasured = ['evaluation.splits=[]', 'runtime.peakGflops=1'];

/** The settings of the runs, by their names. */
const runs = {
  clip: {
    preset: 'tiny',
    set: [
      ...[...short, ...unmeasured, 'tokenizer.vocabularySize=560'],
      ...['model.text.width=8', 'model.vision.width=8', 'model.embedDim=8', 'model.text.contextLength=10'],
    ],
  },
  shapes: {
    preset: 'fashion-classify',
    set: [
      ...[...short, ...unmeasured, 'data.augmentation=null'],
      'model={embedDim: 8, vision: {kind: vit, imageSize: 16, patchSize: 8, width: 8, layers: 1, heads: 1}}',
    ],
  },
} as const;

export type TinyRunName = keyof typeof runs;

/** A new folder with a data set of 24 images in `data`, each of twelve images twice, and runs by their names. */
export async function writeTinyRuns(names: readonly TinyRunName[]): Promise<string> {
  await setDefaultBackend('wasm');
  const root = await fs.mkdtemp(join(tmpdir(), 'tessera-serve-'));
  await writeTinyDataset(join(root, 'data'), { copies: 1 });
  for (const name of names) {
    const config = await loadConfig(runs[name]);
    await trainModel({ config, dataset: join(root, 'data'), folder: new RunFolder(join(root, name)), resume: null });
  }
  return root;
}

/** The twelve image files of the data set. */
export async function tinyImages(root: string): Promise<Uint8Array[]> {
  using dataset = await openDataset(join(root, 'data'));
  const images = await dataset.split('test').column('image');
  return images.map((image) => (image as unknown as EncodedImage).bytes as Uint8Array);
}
