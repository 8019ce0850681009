/** PyTorch's own tests of operations, modules and optimizers, run against Tessera. */
export { torchAdapters } from './adapters/index.ts';
export { writeChosenCases } from './choose.ts';
export { type KnownDifferences, readKnownDifferences } from './known.ts';
export { type Layout, layouts } from './layouts.ts';
export type { Problem } from './run-case.ts';
export {
  defaultDTypes,
  runTorchSuite,
  type SuiteOptions,
  type SuiteReport,
  type Tally,
  unsupportedCount,
} from './runner.ts';
