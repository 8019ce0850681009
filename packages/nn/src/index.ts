/** Modules, layers, losses and initial values of parameters, under PyTorch's names. */
export * as functional from './functional.ts';
export * as init from './init/init.ts';
export * from './layers/index.ts';
export { addLora, type LoraOptions, loraStateDict, mergeLora, removeLora } from './lora/lora.ts';
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
  Parametrization,
  parametrizationOf,
  registerParametrization,
  removeParametrization,
} from './module/parametrize.ts';
export { sizesOf } from './sizes.ts';
