/** The optimizer Adagrad. */
import type { Tensor } from '@tessera/tensor';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
} from './optimizer.ts';
import { inDtypeOf, penalized, type Rate, scaleRate } from './rules.ts';
import { defineOptimizer, l2Fields, rate } from './settings.ts';
import type { StepCounter } from './step-counter.ts';

export interface AdagradOptions extends OptimizerOptions {
  /** The rate of the parameter's step t is lr / (1 + (t - 1) lrDecay). Default 0. */
  readonly lrDecay?: number;
  /** The sum of squares before the first step. Default 0. */
  readonly initialAccumulatorValue?: number;
  readonly eps?: number;
}

/**
 * Adagrad (Duchi et al. 2011), as `torch.optim.Adagrad`, with its defaults: lr 1e-2, eps 1e-10. With the gradient g of the parameter's
 * step t:
 *
 *     g = g + decay p        s = s + g^2        p = p - lr / (1 + (t - 1) lrDecay) g / (sqrt(s) + eps)
 */
export class Adagrad extends Optimizer {
  readonly lrDecay: number;
  readonly initialAccumulatorValue: number;
  readonly eps: number;
  readonly #sum: ParameterState;
  /** Null without a decay of the rate, which alone depends on the step. */
  readonly #counter: StepCounter | null;

  constructor(parameters: OptimizedParameters, options: AdagradOptions = {}) {
    const { lrDecay = 0, initialAccumulatorValue = 0, eps = 1e-10, ...rest } = options;
    super(parameters, { lr: 1e-2, ...rest });
    this.lrDecay = requireNonNegative('lrDecay', lrDecay);
    this.initialAccumulatorValue = requireNonNegative('initialAccumulatorValue', initialAccumulatorValue);
    this.eps = requireNonNegative('eps', eps);
    this.#counter = lrDecay === 0 ? null : this.addStepCounter();
    this.#sum = this.addParameterState('sum', () => initialAccumulatorValue);
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const shareOf = this.#counter === null ? null : this.#shares(this.#counter, gradients);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      const sum = this.#sum(entry);
      const s = sum.add(gradient.square());
      sum.assign(s);
      const full = scaleRate(lr, lrScale);
      const rate = shareOf === null ? full : shareOf(index).mul(full);
      parameter.assign(parameter.sub(gradient.mul(inDtypeOf(rate, parameter)).div(s.sqrt().add(this.eps))));
    }
  }

  /** 1 / (1 + (t - 1) lrDecay) */
  #shares(counter: StepCounter, gradients: readonly (Tensor | null)[]): (index: number) => Tensor {
    const { steps, each } = counter.advance(gradients);
    return each(steps(this.scalarDtype).sub(1).mul(this.lrDecay).add(1).reciprocal());
  }
}

/** The setting `optimizer.kind: adagrad`. */
export const adagrad = defineOptimizer(
  'adagrad',
  'the gradient divided by the root of the sum of its squares (Duchi et al. 2011); weight decay is added to the gradient',
  {
    ...l2Fields,
    lr: rate.default(1e-2).describe('highest learning rate'),
    lrDecay: rate.default(0).describe('the rate of step t is divided by 1 + (t - 1) lrDecay'),
    initialAccumulatorValue: rate.default(0).describe('sum of the squares before the first step'),
    eps: rate.default(1e-10).describe('added to the root of the sum of squares'),
  },
  (parameters, settings) => new Adagrad(parameters, settings),
);
