/** Builders of datasets: by name, and from a folder of images. */

// By name.

export type { BuildOptions, BuildReport, DatasetBuilder, LeftOut, Progress } from './builder.ts';
export { buildEmoji, type EmojiOptions, emoji, planEmoji } from './emoji/index.ts';
export { fashionMnist, fashionMnistFrom } from './fashion-mnist/index.ts';

// From files of rows.

export { convertDataset } from './convert.ts';

// From a folder of images.

export { imagesBelow } from './folder/image-files.ts';
export { buildFromFolder, type FolderOptions, type FolderReport } from './folder/index.ts';
export { mnist } from './mnist/index.ts';
export { InputProblems } from './problems.ts';
export { datasetBuilder, datasets, ensureDataset, firstAvailable } from './registry.ts';
