/** The optimizer SGD: stochastic gradient descent. */
import type { Tensor } from '@tessera/tensor';
import { MomentumOptimizer, type MomentumOptions, momentumFields } from './momentum.ts';
import type { OptimizedParameters, OptimizerOptions } from './optimizer.ts';
import { descended, penalized, type Rate, scaleRate } from './rules.ts';
import { defineOptimizer } from './settings.ts';

export interface SGDOptions extends OptimizerOptions, MomentumOptions {}

/**
 * Stochastic gradient descent with momentum, as in PyTorch (weight decay is added to the gradient):
 *
 *     g = g + decay p        b = momentum b + (1 - dampening) g        p = p - lr b,  with Nesterov p - lr (g + momentum b)
 *
 * In the first step of a parameter b = g.
 */
export class SGD extends MomentumOptimizer {
  constructor(parameters: OptimizedParameters, options: SGDOptions = {}) {
    super(parameters, options);
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const direction = this.directions(gradients);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      parameter.assign(descended(parameter, direction(entry, gradient), scaleRate(lr, lrScale)));
    }
  }
}

/** The setting `optimizer.kind: sgd`. */
export const sgd = defineOptimizer(
  'sgd',
  'stochastic gradient descent with momentum; weight decay is added to the gradient',
  momentumFields,
  (parameters, settings) => new SGD(parameters, settings),
);
