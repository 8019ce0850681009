/** The optimizer SGD: stochastic gradient descent. */
import { Tensor } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  scaleRate,
} from './optimizer.ts';
import { defineOptimizer, share } from './settings.ts';

export interface SGDOptions extends OptimizerOptions {
  readonly momentum?: number;
  /** Nesterov's look-ahead; needs a momentum above 0. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum, as in PyTorch (weight decay is added to the gradient):
 *
 *     g = g + decay p        b = momentum b + g        p = p - lr b,  with Nesterov p - lr (g + momentum b)
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  /** Null without momentum. */
  readonly #velocity: ParameterState | null;

  constructor(parameters: OptimizedParameters, options: SGDOptions = {}) {
    const { momentum = 0, nesterov = false, ...rest } = options;
    super(parameters, rest);
    if (!(momentum >= 0 && momentum < 1)) throw new RangeError(`SGD: momentum must be in [0, 1), got ${momentum}`);
    if (nesterov && momentum === 0) throw new RangeError('SGD: nesterov needs a momentum above 0');
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.#velocity = momentum === 0 ? null : this.addParameterState('momentum_buffer');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Tensor | number): void {
    for (const [index, entry] of this.entries.entries()) {
      const raw = gradients[index];
      if (raw === undefined || raw === null) continue;
      const { parameter, weightDecay, lrScale } = entry;
      const gradient = weightDecay === 0 ? raw : raw.add(parameter.mul(weightDecay));
      const rate = scaleRate(lr, lrScale);
      const velocity = this.#velocity?.(entry) ?? null;
      let direction = gradient;
      if (velocity !== null) {
        const next = velocity.mul(this.momentum).add(gradient);
        velocity.assign(next);
        direction = this.nesterov ? gradient.add(next.mul(this.momentum)) : next;
      }
      parameter.assign(parameter.sub(direction.mul(rate instanceof Tensor ? rate.cast(parameter.dtype) : rate)));
    }
  }
}

/** The setting `optimizer.kind: sgd`. */
export const sgd = defineOptimizer(
  'sgd',
  'stochastic gradient descent with momentum; weight decay is added to the gradient',
  {
    momentum: share.default(0.9).describe('share of the last direction that is kept'),
    nesterov: z.boolean().default(false).describe("Nesterov's look-ahead; needs a momentum above 0"),
  },
  (parameters, settings) => new SGD(parameters, settings),
);
