/** Tools for datasets: copies in other formats with selected rows and columns, and removal of duplicates. */

export { type DuplicateKind, duplicateKinds } from '../duplicates/finder.ts';
export type { WriteFormatName } from '../write/index.ts';
export { type CopyOptions, type CopyReport, copyDataset } from './copy.ts';
export { type DedupOptions, type DedupReport, dedupDataset } from './dedup.ts';
