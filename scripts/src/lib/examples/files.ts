/** The files that examples read, small: each is put into an example's folder if the example names it. */
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { loadConfig, RunFolder, trainModel } from '@tessera/train';
import sharp from 'sharp';

/** A photograph of nothing: an SVG in one color with a square, as a file of the format that its name says. */
async function drawPicture(path: string, color: string): Promise<void> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="48" height="32" fill="${color}"/><rect x="8" y="8" width="16" height="16"/></svg>`;
  await sharp(Buffer.from(svg)).toFile(path);
}

async function drawPhotos(folder: string): Promise<void> {
  for (const kind of ['cats', 'dogs']) {
    await fs.mkdir(join(folder, kind), { recursive: true });
    for (let k = 0; k < 12; k++) await drawPicture(join(folder, kind, `${k}.png`), `hsl(${30 * k} 80% 50%)`);
  }
}

/** A run of CLIP, after one epoch on the data set of `root`. */
async function trainRun(folder: string, root: string): Promise<void> {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  await trainModel({
    config: await loadConfig({ preset: 'tiny', set: ['training.epochs=1', 'runtime.peakGflops=1'] }),
    dataset: join(root, 'datasets/built/emoji'),
    folder: new RunFolder(folder),
    resume: null,
  });
}

/** Copies one of the weight files that other libraries have written. */
const copyWeights =
  (name: string) =>
  (path: string): Promise<void> =>
    fs.copyFile(new URL(`../../../../packages/weights/weight-files/${name}`, import.meta.url), path);

/** How each file or folder is made, at a path, with those above it in the folder `root`. */
const makers: Readonly<Record<string, (path: string, root: string) => Promise<unknown>>> = {
  // Enough rows for two batches of 64.
  'datasets/built/emoji': (path) => writeTinyDataset(path, { copies: 12 }),
  runs: (path) => fs.mkdir(path, { recursive: true }),
  'runs/first': trainRun,
  photos: drawPhotos,
  'cat.jpg': (path) => drawPicture(path, '#c84'),
  'dog.jpg': (path) => drawPicture(path, '#48c'),
  'cat.png': (path) => drawPicture(path, '#c84'),
  'dog.png': (path) => drawPicture(path, '#48c'),
  'open_clip_pytorch_model.bin': copyWeights('open-clip-vit/open_clip_pytorch_model.bin'),
  'any.pth': copyWeights('training-checkpoints/net.pth'),
};

/** Makes all files that some of the programs name, in the folder `root`. */
export async function makeFiles(root: string, sources: readonly string[]): Promise<void> {
  const named = new Set(sources.flatMap(filesNamedIn));
  // A run is trained on the data set, whether a program names it or not.
  if (named.has('runs/first')) named.add('datasets/built/emoji');
  for (const [name, make] of Object.entries(makers)) {
    if (!named.has(name)) continue;
    await fs.mkdir(dirname(join(root, name)), { recursive: true });
    await make(join(root, name), root);
  }
}

/** The files of `makers` that a program names, as a whole string or as the first part of one. */
const filesNamedIn = (source: string): string[] =>
  Object.keys(makers).filter((name) => source.includes(`'${name}'`) || source.includes(`'${name}/`));

/** Copies the files that a program names into its folder. */
export async function copyFiles(root: string, folder: string, source: string): Promise<void> {
  for (const name of filesNamedIn(source)) await fs.cp(join(root, name), join(folder, name), { recursive: true });
}
