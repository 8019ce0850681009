/** Reference cases: modules and training runs compared with another implementation's numbers. */
export type { Worst } from './compare.ts';
export { type DescribedCase, referenceManifest } from './manifest.ts';
export type { CaseReport, Explanation, FailedCase, OmittedCase } from './report.ts';
export { type RunOptions, runReferenceCase, runReferenceCases } from './run.ts';
