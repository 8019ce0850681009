/** The optimizer Lion. */
import type { Tensor } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireBetas,
} from './optimizer.ts';
import { decayed, descended, type Rate, runningMean, scaleRate } from './rules.ts';
import { defineOptimizer, rate, share } from './settings.ts';

export interface LionOptions extends OptimizerOptions {
  /** Share of the momentum in the direction, and decay of the momentum. Default 0.9 and 0.99. */
  readonly betas?: readonly [number, number];
}

/**
 * Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2), with its defaults: lr 1e-4, betas 0.9 and 0.99:
 *
 *     p = p - lr decay p        p = p - lr sign(beta1 m + (1 - beta1) g)        m = beta2 m + (1 - beta2) g
 *
 * Each element moves by lr, so the rate is 3 to 10 times smaller than that of AdamW, and the weight decay as much larger.
 */
export class Lion extends Optimizer {
  readonly betas: readonly [number, number];
  readonly #mean: ParameterState;

  constructor(parameters: OptimizedParameters, options: LionOptions = {}) {
    const { betas = [0.9, 0.99], ...rest } = options;
    super(parameters, { lr: 1e-4, ...rest });
    this.betas = requireBetas('Lion', betas);
    this.#mean = this.addParameterState('exp_avg');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [beta1, beta2] = this.betas;
    for (const [entry, gradient] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale } = entry;
      const mean = this.#mean(entry);
      const direction = runningMean(mean, gradient, beta1).sign();
      const kept = decayed(parameter, scaleRate(lr, lrScale * weightDecay));
      parameter.assign(descended(kept, direction, scaleRate(lr, lrScale)));
      mean.assign(runningMean(mean, gradient, beta2));
    }
  }
}

/** The setting `optimizer.kind: lion`. */
export const lion = defineOptimizer(
  'lion',
  'the sign of a running mean (Chen et al. 2023), with decoupled weight decay',
  {
    lr: rate.default(1e-4).describe('highest learning rate: 3 to 10 times smaller than that of AdamW'),
    weightDecay: rate
      .default(1)
      .describe('decoupled weight decay, 3 to 10 times larger than that of AdamW, of the same parameters'),
    betas: z
      .tuple([share, share])
      .default([0.9, 0.99])
      .describe('share of the momentum in the direction, and decay of the momentum'),
  },
  (parameters, settings) => new Lion(parameters, settings),
);
