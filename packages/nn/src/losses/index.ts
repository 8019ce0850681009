/** The losses: what a model's outputs are compared by. Each file has functions and, where PyTorch has one, the module class. */
export * from './binary-cross-entropy.ts';
export * from './class-margins.ts';
export type { ClassOptions } from './class-targets.ts';
export * from './contrastive.ts';
export * from './cross-entropy.ts';
export * from './distillation.ts';
export * from './divergence.ts';
export * from './likelihood.ts';
export * from './margins.ts';
export { NLLLoss, nllLoss } from './nll.ts';
export { type LossOptions, type MarginOptions, type Reduction, reduceLoss } from './reduction.ts';
export * from './regression.ts';
