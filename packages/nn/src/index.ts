/** Modules, layers, losses and initial values of parameters, under PyTorch's names. */
export * as functional from './functional.ts';
export * as init from './init/init.ts';
export * from './layers/index.ts';
export {
  ContrastiveLoss,
  CrossEntropyLoss,
  type CrossEntropyOptions,
  contrastiveLoss,
  crossEntropy,
  type DuplicateRule,
  duplicateRules,
  l2Normalize,
  type PairedFeatures,
  type PairOptions,
  type Reduction,
  SigLipLoss,
  sigLipLoss,
} from './losses/index.ts';
export { closestName } from './module/closest.ts';
export type { BackwardHook, ForwardHook, ForwardPreHook, HookHandle } from './module/hooks.ts';
export {
  type LoadOptions,
  type LoadResult,
  Module,
  type NamePattern,
  type StateDict,
  type UnaryModule,
} from './module/module.ts';
export { Buffer, Parameter } from './module/parameter.ts';
export {
  type LayerSummary,
  ModelSummary,
  type SummaryInput,
  type SummaryOptions,
  summary,
} from './module/summary.ts';
export { sizesOf } from './sizes.ts';
