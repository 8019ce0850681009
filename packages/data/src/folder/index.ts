/** Folders of images: what `build-dataset` and `openDataset` share, for builders of datasets. */
export type { EntryOptions } from './entry.ts';
export { unitHash } from './hash.ts';
export { checkDecodes, undecodable } from './image-check.ts';
export { imagesBelow } from './image-files.ts';
export { type LeftOut, leftOutLines } from './left-out.ts';
export { InputProblems } from './problems.ts';
export { listFolderRows } from './rows.ts';
export { parseDelimited } from './table.ts';
