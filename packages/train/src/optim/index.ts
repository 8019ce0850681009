export { AdamW, type AdamWOptions } from './adamw.ts';
export { clipGradNorm } from './clip-grad-norm.ts';
export { GradScaler, type GradScalerOptions } from './grad-scaler.ts';
export {
  noDecay,
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
} from './optimizer.ts';
export { SGD, type SGDOptions } from './sgd.ts';
