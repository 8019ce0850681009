/** Builders of datasets: by name, and from a folder of images. */

// By name.

export type { BuildOptions, BuildReport, DatasetBuilder, Progress } from './builder.ts';
export { buildEmoji, type EmojiOptions, emoji, planEmoji } from './emoji/index.ts';
export { fashionMnist, fashionMnistFrom } from './fashion-mnist/index.ts';

// From a folder of images.

export { InputProblems, imagesBelow, type LeftOut } from '@tessera/data/folder';
export { buildFromFolder, type FolderOptions, type FolderReport } from './folder/index.ts';
export { mnist } from './mnist/index.ts';
export { datasetBuilder, datasets, ensureDataset, firstAvailable } from './registry.ts';
