/** Optimizers, schedules of the learning rate, gradient clipping and loss scaling. */
export { AdamW, type AdamWOptions } from './adamw.ts';
export { chosen, optimizers, schedules } from './choices.ts';
export { clipGradNorm } from './clip-grad-norm.ts';
export { GradScaler, type GradScalerOptions } from './grad-scaler.ts';
export {
  noDecay,
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
} from './optimizer.ts';
export { constant, type Schedule, warmupCosine, warmupLinear } from './schedule.ts';
export { SGD, type SGDOptions } from './sgd.ts';
