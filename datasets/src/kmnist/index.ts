/** The builder of Kuzushiji-MNIST, from its four original files. */
import type { DatasetBuilder } from '../builder.ts';
import { writeGrayImages } from '../gray-images.ts';
import { idxDownloads, readIdxImages } from '../idx.ts';
import { sourceBuilder } from '../source/builder.ts';

/** The syllables, in the order of `kmnist_classmap.csv`. */
const classes = ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'] as const;

export const kmnist: DatasetBuilder = sourceBuilder({
  name: 'kmnist',
  title: 'Kuzushiji-MNIST: 28 x 28 grey pictures of ten handwritten Japanese syllables',
  license: 'CC BY-SA 4.0',
  homepage: 'http://codh.rois.ac.jp/kmnist/',
  version: 1,
  downloads: idxDownloads,
  build: async (files, target, builder, options) =>
    writeGrayImages(target, builder, classes, await readIdxImages(files, builder, classes.length), options),
});
