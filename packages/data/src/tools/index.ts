/** Tools for datasets: statistics, copies in other formats with selected rows and columns, and removal of duplicates. */

export { type DuplicateKind, duplicateKinds } from '../duplicates/finder.ts';
export type { WriteFormatName } from '../write/index.ts';
export { type CopyOptions, type CopyReport, copyDataset } from './copy.ts';
export { type DedupOptions, type DedupReport, dedupDataset } from './dedup.ts';
export { type InspectOptions, type InspectReport, type Inspection, inspectDataset, type SplitReport } from './inspect/index.ts';
export type { Quantiles } from './inspect/quantiles.ts';
export type { SampleRow } from './inspect/samples.ts';
export { checkTarget } from '../write/output.ts';
