/** The optimizer RMSprop. */
import type { Tensor } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
} from './optimizer.ts';
import { descended, penalized, type Rate, runningMean, runningSquare, scaleRate } from './rules.ts';
import { defineOptimizer, l2Fields, rate, share } from './settings.ts';

export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the running mean of the square. Default 0.99. */
  readonly alpha?: number;
  readonly eps?: number;
  readonly momentum?: number;
  /** Whether the gradient is divided by its standard deviation instead of the root of its mean square. Default false. */
  readonly centered?: boolean;
}

/**
 * RMSprop (Tieleman and Hinton 2012, lecture 6.5; centered: Graves 2013), as `torch.optim.RMSprop`, with its defaults: lr 1e-2, alpha 0.99,
 * eps 1e-8:
 *
 *     g = g + decay p        v = alpha v + (1 - alpha) g^2        d = sqrt(v) + eps
 *     p = p - lr g / d,  with momentum  b = momentum b + g / d,  p = p - lr b
 *
 * centered: d = sqrt(v - a^2) + eps with a = alpha a + (1 - alpha) g.
 */
export class RMSprop extends Optimizer {
  readonly alpha: number;
  readonly eps: number;
  readonly momentum: number;
  readonly centered: boolean;
  readonly #square: ParameterState;
  readonly #velocity: ParameterState | null;
  readonly #mean: ParameterState | null;

  constructor(parameters: OptimizedParameters, options: RMSpropOptions = {}) {
    const { alpha = 0.99, eps = 1e-8, momentum = 0, centered = false, ...rest } = options;
    super(parameters, { lr: 1e-2, ...rest });
    this.alpha = requireNonNegative('alpha', alpha);
    this.eps = requireNonNegative('eps', eps);
    this.momentum = requireNonNegative('momentum', momentum);
    this.centered = centered;
    this.#square = this.addParameterState('square_avg');
    this.#velocity = momentum === 0 ? null : this.addParameterState('momentum_buffer');
    this.#mean = centered ? this.addParameterState('grad_avg') : null;
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      const square = this.#square(entry);
      const v = runningSquare(square, gradient, this.alpha);
      square.assign(v);
      let variance = v;
      const mean = this.#mean?.(entry) ?? null;
      if (mean !== null) {
        const a = runningMean(mean, gradient, this.alpha);
        mean.assign(a);
        variance = v.sub(a.square());
      }
      let direction = gradient.div(variance.sqrt().add(this.eps));
      const velocity = this.#velocity?.(entry) ?? null;
      if (velocity !== null) {
        direction = velocity.mul(this.momentum).add(direction);
        velocity.assign(direction);
      }
      parameter.assign(descended(parameter, direction, scaleRate(lr, lrScale)));
    }
  }
}

/** The setting `optimizer.kind: rmsprop`. */
export const rmsprop = defineOptimizer(
  'rmsprop',
  'the gradient divided by the root of its mean square (Tieleman and Hinton 2012); weight decay is added to the gradient',
  {
    ...l2Fields,
    alpha: share.default(0.99).describe('decay of the running mean of the square'),
    eps: rate.default(1e-8).describe('added to the root of the mean square'),
    momentum: rate.default(0).describe('share of the last direction that is kept'),
    centered: z.boolean().default(false).describe('whether the standard deviation takes the place of the root'),
  },
  (parameters, settings) => new RMSprop(parameters, settings),
);
