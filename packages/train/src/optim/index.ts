/** Optimizers, schedules of the learning rate, averages of weights, gradient clipping and loss scaling. */
export { Adadelta, type AdadeltaOptions } from './adadelta.ts';
export { Adafactor, type AdafactorOptions } from './adafactor.ts';
export { Adagrad, type AdagradOptions } from './adagrad.ts';
export { Adam, type AdamOptions } from './adam.ts';
export { Adamax, type AdamaxOptions } from './adamax.ts';
export { AdamW, type AdamWOptions } from './adamw.ts';
export { AveragedModel, type AveragedModelOptions } from './averaged-model.ts';
export { chosen, optimizers, schedules } from './choices.ts';
export { type ClipGradNormOptions, clipGradNorm } from './clip-grad-norm.ts';
export { clipGradValue } from './clip-grad-value.ts';
export {
  type CosineAnnealingLROptions,
  type CosineAnnealingWarmRestartsOptions,
  cosineAnnealingLR,
  cosineAnnealingWarmRestarts,
} from './cosine-annealing.ts';
export {
  type ExponentialLROptions,
  exponentialLR,
  type MultiStepLROptions,
  multiStepLR,
  type StepLROptions,
  stepLR,
} from './gamma-schedules.ts';
export { GradScaler, type GradScalerOptions } from './grad-scaler.ts';
export { LAMB, type LAMBOptions } from './lamb.ts';
export { LARS, type LARSOptions } from './lars.ts';
export { Lion, type LionOptions } from './lion.ts';
export { NAdam, type NAdamOptions } from './nadam.ts';
export { type OneCycleLROptions, oneCycleLR } from './one-cycle.ts';
export {
  noDecay,
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
} from './optimizer.ts';
export { type ParameterGroups, parameterGroups } from './parameter-groups.ts';
export { type PolynomialLROptions, polynomialLR } from './polynomial.ts';
export { RAdam, type RAdamOptions } from './radam.ts';
export { type PlateauState, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './reduce-lr-on-plateau.ts';
export { RMSprop, type RMSpropOptions } from './rmsprop.ts';
export { Rprop, type RpropOptions } from './rprop.ts';
export { constant, type Schedule, warmupCosine, warmupLinear } from './schedule.ts';
export {
  type ConstantLROptions,
  constantLR,
  type LinearLROptions,
  linearLR,
  sequentialLR,
} from './sequential-lr.ts';
export { SGD, type SGDOptions } from './sgd.ts';
export { type SWALROptions, swaLR } from './swa-lr.ts';
export { updateBn } from './update-bn.ts';
