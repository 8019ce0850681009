export type { Worst } from './compare.ts';
export { CaseConfig } from './config.ts';
export type { ReferenceModule } from './reference-module.ts';
export { registerReferenceModule } from './registry.ts';
export type { CaseReport, FailedCase, OmittedCase } from './report.ts';
export { type RunOptions, runReferenceCase, runReferenceCases } from './run.ts';
