/** Modules, layers, losses and initial values of parameters, under PyTorch's names. */
export * as functional from './functional.ts';
export * as init from './init/init.ts';
export * from './layers/index.ts';
export { addLora, type LoraOptions, loraStateDict, mergeLora, removeLora } from './lora/lora.ts';
export { type LoraPair, type LoraScale, loraPairs, loraScale, mergedStateDict } from './lora/lora-state.ts';
export {
  BCELoss,
  BCEWithLogitsLoss,
  type BinaryCrossEntropyOptions,
  type BinaryCrossEntropyWithLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type ClassOptions,
  ContrastiveLoss,
  CosineEmbeddingLoss,
  CrossEntropyLoss,
  type CrossEntropyOptions,
  contrastiveLoss,
  cosineEmbeddingLoss,
  crossEntropy,
  type DuplicateRule,
  duplicateRules,
  GaussianNLLLoss,
  type GaussianNllOptions,
  gaussianNllLoss,
  HingeEmbeddingLoss,
  HuberLoss,
  type HuberOptions,
  hingeEmbeddingLoss,
  huberLoss,
  KLDivLoss,
  type KLDivOptions,
  klDiv,
  L1Loss,
  type LossOptions,
  l1Loss,
  type MarginOptions,
  MarginRankingLoss,
  MSELoss,
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  type MultilabelSoftMarginOptions,
  MultiMarginLoss,
  type MultiMarginOptions,
  marginRankingLoss,
  mseLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  NLLLoss,
  nllLoss,
  type PairedFeatures,
  type PairOptions,
  PoissonNLLLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type Reduction,
  SigLipLoss,
  SmoothL1Loss,
  type SmoothL1Options,
  SoftMarginLoss,
  sigLipLoss,
  smoothL1Loss,
  softMarginLoss,
  TripletMarginLoss,
  type TripletMarginOptions,
  TripletMarginWithDistanceLoss,
  type TripletMarginWithDistanceOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
  type WeightedElementOptions,
} from './losses/index.ts';
export { closestName } from './module/closest.ts';
export type { BackwardHook, ForwardHook, ForwardPreHook, HookHandle } from './module/hooks.ts';
export {
  type LoadOptions,
  type LoadResult,
  Module,
  type StateDict,
  type UnaryModule,
} from './module/module.ts';
export { listNames, type NamePattern, selectByPattern } from './module/name-pattern.ts';
export { Buffer, Parameter } from './module/parameter.ts';
export {
  Parametrization,
  parametrizationOf,
  registerParametrization,
  removeParametrization,
} from './module/parametrize.ts';
export {
  type LayerSummary,
  ModelSummary,
  type SummaryInput,
  type SummaryOptions,
  summary,
} from './module/summary.ts';
export { sizesOf } from './sizes.ts';
