/** The optimizer Adamax: Adam with the infinity norm. */
import type { Tensor } from '@tessera/tensor';
import { adamFields } from './adam.ts';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireBetas,
  requireNonNegative,
} from './optimizer.ts';
import { oneMinusPower, penalized, type Rate, runningMean, scaleRate } from './rules.ts';
import { defineOptimizer, l2Fields } from './settings.ts';
import type { StepCounter } from './step-counter.ts';

export interface AdamaxOptions extends OptimizerOptions {
  /** Decay of the running mean of the gradient and of its largest absolute value. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

/**
 * Adamax (Kingma and Ba 2015, section 7.1), as `torch.optim.Adamax`, with its defaults: lr 2e-3, betas 0.9 and 0.999, eps 1e-8. With the
 * gradient g of the parameter's step t:
 *
 *     g = g + decay p        m = beta1 m + (1 - beta1) g        u = max(beta2 u, |g| + eps)        p = p - lr / (1 - beta1^t) m / u
 */
export class Adamax extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly #counter: StepCounter;
  readonly #mean: ParameterState;
  readonly #largest: ParameterState;

  constructor(parameters: OptimizedParameters, options: AdamaxOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, ...rest } = options;
    super(parameters, { lr: 2e-3, ...rest });
    this.betas = requireBetas('Adamax', betas);
    this.eps = requireNonNegative('eps', eps);
    this.#counter = this.addStepCounter();
    this.#mean = this.addParameterState('exp_avg');
    this.#largest = this.addParameterState('exp_inf');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [beta1, beta2] = this.betas;
    const { steps, each } = this.#counter.advance(gradients);
    const inverseOf = each(oneMinusPower(beta1, steps(this.scalarDtype)).reciprocal());
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      const [mean, largest] = [this.#mean(entry), this.#largest(entry)];
      const m = runningMean(mean, gradient, beta1);
      const u = largest.mul(beta2).maximum(gradient.abs().add(this.eps));
      const rate = inverseOf(index).mul(scaleRate(lr, lrScale)).cast(parameter.dtype);
      parameter.assign(parameter.sub(m.mul(rate).div(u)));
      mean.assign(m);
      largest.assign(u);
    }
  }
}

/** The setting `optimizer.kind: adamax`. */
export const adamax = defineOptimizer(
  'adamax',
  'Adam with the largest absolute gradient in place of the root (Kingma and Ba 2015); weight decay is added to the gradient',
  { ...l2Fields, ...adamFields },
  (parameters, settings) => new Adamax(parameters, settings),
);
