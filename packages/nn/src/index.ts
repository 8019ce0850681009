export * from './activations.ts';
export { closestName } from './closest.ts';
export {
  contrastiveLoss,
  type DuplicateRule,
  duplicateRules,
  l2Normalize,
  type PairedFeatures,
  type PairOptions,
  sigLipLoss,
} from './functional/contrastive.ts';
export * as functional from './functional/index.ts';
export { type CrossEntropyOptions, crossEntropy, type Reduction } from './functional/loss.ts';
export * as init from './init.ts';
export * from './layers/index.ts';
export {
  type LoadOptions,
  type LoadResult,
  Module,
  type NamePattern,
  type StateDict,
  type UnaryModule,
} from './module.ts';
export { Buffer, Parameter } from './parameter.ts';
