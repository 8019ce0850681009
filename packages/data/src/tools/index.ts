/** Tools for datasets: copies in other formats, with selected rows and columns. */

export type { WriteFormatName } from '../write/index.ts';
export { type CopyOptions, type CopyReport, copyDataset } from './copy.ts';
export type { ToolOptions, ToolProgress } from './progress.ts';
export type { Selection } from './selection.ts';
