/** Tools for datasets: statistics, copies in other formats with selected rows and columns, and removal of duplicates. */

export { type DuplicateKind, duplicateKinds } from '../duplicates/finder.ts';
export type { WriteFormatName } from '../write/index.ts';
export { checkTarget } from '../write/output.ts';
export { type CopyOptions, type CopyPlan, type CopyReport, copyDataset } from './copy.ts';
export { type DedupOptions, type DedupReport, dedupDataset } from './dedup.ts';
export {
  type Inspection,
  type InspectOptions,
  type InspectReport,
  inspectDataset,
  type SplitReport,
} from './inspect/index.ts';
export type { Quantiles } from './inspect/quantiles.ts';
export type { SampleRow } from './inspect/samples.ts';
