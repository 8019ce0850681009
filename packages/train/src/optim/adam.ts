/** The optimizer Adam. */
import type { Buffer } from '@tessera/nn';
import { type Tensor, zeros } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireBetas,
  requireNonNegative,
} from './optimizer.ts';
import {
  decayed,
  inDtypeOf,
  oneMinusPower,
  penalized,
  type Rate,
  runningMean,
  runningSquare,
  scaleRate,
} from './rules.ts';
import { defineOptimizer, l2Fields, rate, share } from './settings.ts';
import type { PerParameter, StepCounter } from './step-counter.ts';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** Whether the largest mean square so far takes the place of the current one (Reddi et al. 2018). Default false. */
  readonly amsgrad?: boolean;
  /** Whether weight decay acts on the parameters directly, as in AdamW, instead of as a part of the gradient. Default false. */
  readonly decoupledWeightDecay?: boolean;
}

/**
 * Adam (Kingma and Ba 2015), with PyTorch's defaults: lr 1e-3, betas 0.9 and 0.999, eps 1e-8, no weight decay. With the gradient g of the
 * parameter's step t, element by element:
 *
 *     g = g + decay p                               (decoupled: p = p - lr decay p instead)
 *     m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *     p = p - lr (m / c1) / (sqrt(v / c2) + eps),   c_i = 1 - beta_i^t
 *
 * with the largest v so far in place of v if `amsgrad` is set. Where all parameters have gradients in all steps, c_i is state, updated by
 * the recurrence c_i = beta_i c_i + (1 - beta_i), from 0: unlike 1 - beta^t this has no cancellation in f32, and a compiled step does not
 * need the step number as an input. Otherwise c_i follows from the number of steps in which the parameter had a gradient.
 */
export class Adam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly amsgrad: boolean;
  readonly decoupledWeightDecay: boolean;
  readonly #counter: StepCounter;
  readonly #corrections: readonly [Buffer, Buffer];
  readonly #mean: ParameterState;
  readonly #square: ParameterState;
  /** Null without amsgrad. */
  readonly #largest: ParameterState | null;

  constructor(parameters: OptimizedParameters, options: AdamOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, amsgrad = false, decoupledWeightDecay = false, ...rest } = options;
    super(parameters, rest);
    this.betas = requireBetas(this.constructor.name, betas);
    this.eps = requireNonNegative('eps', eps);
    this.amsgrad = amsgrad;
    this.decoupledWeightDecay = decoupledWeightDecay;
    const dtype = this.scalarDtype;
    this.#counter = this.addStepCounter();
    this.#corrections = [
      this.addState('bias_correction1', zeros([], { dtype })),
      this.addState('bias_correction2', zeros([], { dtype })),
    ];
    this.#mean = this.addParameterState('exp_avg');
    this.#square = this.addParameterState('exp_avg_sq');
    this.#largest = amsgrad ? this.addParameterState('max_exp_avg_sq') : null;
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [beta1, beta2] = this.betas;
    const { rateOf, rootOf } = this.#advance(gradients, lr);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const gradient = this.decoupledWeightDecay ? raw : penalized(raw, parameter, weightDecay);
      const [mean, square] = [this.#mean(entry), this.#square(entry)];
      const largest = this.#largest?.(entry) ?? null;
      const { dtype } = parameter;
      const m = runningMean(mean, gradient, beta1);
      const v = runningSquare(square, gradient, beta2);
      const highest = largest?.maximum(v) ?? v;
      const scale = highest.sqrt().mul(rootOf(index).cast(dtype)).add(this.eps);
      const change = m.div(scale).mul(rateOf(index).mul(lrScale).cast(dtype));
      const kept = this.decoupledWeightDecay ? decayed(parameter, scaleRate(lr, lrScale * weightDecay)) : parameter;
      parameter.assign(kept.sub(change));
      mean.assign(m);
      square.assign(v);
      largest?.assign(highest);
    }
  }

  /** Counts the step. Returns lr / c1 and 1 / sqrt(c2): sqrt(v / c2) = sqrt(v) / sqrt(c2). */
  #advance(gradients: readonly (Tensor | null)[], lr: Rate): { rateOf: PerParameter; rootOf: PerParameter } {
    const [beta1, beta2] = this.betas;
    const counts = this.#counter.advance(gradients);
    const [correction1, correction2] = this.#corrections;
    const c1 = advance(correction1, beta1);
    const c2 = advance(correction2, beta2);
    if (!counts.shared) {
      const steps = counts.steps(this.scalarDtype);
      return {
        rateOf: counts.each(oneMinusPower(beta1, steps).reciprocal().mul(inDtypeOf(lr, steps))),
        rootOf: counts.each(oneMinusPower(beta2, steps).rsqrt()),
      };
    }
    const rate = c1.reciprocal().mul(lr);
    const root = c2.rsqrt();
    return { rateOf: () => rate, rootOf: () => root };
  }
}

/** The next bias correction, which is also assigned. */
function advance(correction: Buffer, beta: number): Tensor {
  const next = correction.mul(beta).add(1 - beta);
  correction.assign(next);
  return next;
}

/** The settings of Adam and of its variants. */
export const adamFields = {
  betas: z.tuple([share, share]).default([0.9, 0.98]).describe('decay of the running means of gradient and square'),
  eps: rate.default(1e-6).describe('added to the root of the mean square'),
};

export const amsgradField = z
  .boolean()
  .default(false)
  .describe('whether the largest mean square so far takes the place of the current one');

/** The setting `optimizer.kind: adam`. */
export const adam = defineOptimizer(
  'adam',
  'Adam (Kingma and Ba 2015); weight decay is added to the gradient',
  { ...l2Fields, ...adamFields, amsgrad: amsgradField },
  (parameters, settings) => new Adam(parameters, settings),
);
