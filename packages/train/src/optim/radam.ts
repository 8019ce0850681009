/** The optimizer RAdam: Adam whose adaptive rate waits until it is reliable. */
import { type Tensor, where } from '@tessera/tensor';
import { adamFields } from './adam.ts';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireBetas,
  requireNonNegative,
} from './optimizer.ts';
import { decayed, oneMinusPower, penalized, type Rate, runningMean, runningSquare, scaleRate } from './rules.ts';
import { decoupledField, defineOptimizer, l2Fields } from './settings.ts';
import type { StepCounter } from './step-counter.ts';

export interface RAdamOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** Whether weight decay acts on the parameters directly instead of as a part of the gradient. Default false. */
  readonly decoupledWeightDecay?: boolean;
}

/**
 * RAdam (Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond", algorithm 2), as `torch.optim.RAdam`, with its
 * defaults: lr 1e-3, betas 0.9 and 0.999, eps 1e-8. With the gradient g of the parameter's step t:
 *
 *     m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2          c_i = 1 - beta_i^t
 *     p = p - lr m / c1 r sqrt(c2) / (sqrt(v) + eps)   where rho > 5,   p = p - lr m / c1   in the first steps
 *     rho = rho_inf - 2 t beta2^t / c2,   rho_inf = 2 / (1 - beta2) - 1
 *     r^2 = (rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)
 */
export class RAdam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly decoupledWeightDecay: boolean;
  readonly #counter: StepCounter;
  readonly #mean: ParameterState;
  readonly #square: ParameterState;

  constructor(parameters: OptimizedParameters, options: RAdamOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, decoupledWeightDecay = false, ...rest } = options;
    super(parameters, rest);
    this.betas = requireBetas('RAdam', betas);
    this.eps = requireNonNegative('eps', eps);
    this.decoupledWeightDecay = decoupledWeightDecay;
    this.#counter = this.addStepCounter();
    this.#mean = this.addParameterState('exp_avg');
    this.#square = this.addParameterState('exp_avg_sq');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [beta1, beta2] = this.betas;
    const { steps, each } = this.#counter.advance(gradients);
    const count = steps(this.scalarDtype);
    const { isReliable, factor } = rectification(beta2, count);
    const isAdaptive = each(isReliable);
    const factorOf = each(factor);
    const inverseOf = each(oneMinusPower(beta1, count).reciprocal());
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const { dtype } = parameter;
      const gradient = this.decoupledWeightDecay ? raw : penalized(raw, parameter, weightDecay);
      const [mean, square] = [this.#mean(entry), this.#square(entry)];
      const m = runningMean(mean, gradient, beta1);
      const v = runningSquare(square, gradient, beta2);
      const rate = scaleRate(lr, lrScale);
      const direction = m.mul(inverseOf(index).mul(rate).cast(dtype));
      const adaptive = direction.mul(factorOf(index).cast(dtype)).div(v.sqrt().add(this.eps));
      const kept = this.decoupledWeightDecay ? decayed(parameter, scaleRate(lr, lrScale * weightDecay)) : parameter;
      parameter.assign(kept.sub(where(isAdaptive(index), adaptive, direction)));
      mean.assign(m);
      square.assign(v);
    }
  }
}

/** Below this t |ln beta2| the difference that is rho cancels, and its series is used. */
const seriesBound = 0.25;

/** The adaptive rate is used above this rho. */
const reliable = 5;

/**
 * Whether the adaptive rate of steps is reliable, rho > 5, and r sqrt(c2). With u = t x and x = -ln(beta2),
 *
 *     2 t beta2^t / c2 = 2 t / (exp(u) - 1) = 2 / x (u / 2 coth(u / 2) - u / 2)
 *
 * which is close to rho_inf in the first steps. There, u / 2 coth(u / 2) = 1 + u^2 / 12 - u^4 / 720 + u^6 / 30240 - u^8 / 1209600 + ...
 */
function rectification(beta2: number, steps: Tensor): { isReliable: Tensor; factor: Tensor } {
  const x = -Math.log(beta2);
  const limit = 2 / (1 - beta2) - 1;
  const correction = oneMinusPower(beta2, steps);
  const u = steps.mul(x);
  // Every branch is finite where it is not chosen: checked runs stop at a NaN.
  const squared = u.minimum(seriesBound).square();
  const series = squared
    .mul(-1 / 1209600)
    .add(1 / 30240)
    .mul(squared)
    .add(-1 / 720)
    .mul(squared)
    .add(1 / 12)
    .mul(squared);
  const early = steps.add(limit - 2 / x).sub(series.mul(2 / x));
  const late = steps.mul(2).mul(correction.neg().add(1)).div(correction).neg().add(limit);
  const rho = where(u.lt(seriesBound), early, late);
  // rho stays below its limit.
  const scale = limit > reliable ? limit / ((limit - 4) * (limit - 2)) : 0;
  const bounded = rho.maximum(reliable);
  const variance = bounded.sub(4).mul(bounded.sub(2)).mul(scale).div(bounded);
  return { isReliable: rho.gt(reliable), factor: variance.sqrt().mul(correction.sqrt()) };
}

/** The setting `optimizer.kind: radam`. */
export const radam = defineOptimizer(
  'radam',
  'Adam whose adaptive rate waits until it is reliable (Liu et al. 2020); weight decay is added to the gradient, or decoupled',
  { ...l2Fields, ...adamFields, decoupledWeightDecay: decoupledField },
  (parameters, settings) => new RAdam(parameters, settings),
);
