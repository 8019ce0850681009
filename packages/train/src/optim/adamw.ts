/** The optimizer AdamW. */
import type { Buffer } from '@tessera/nn';
import { Tensor, zeros } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
  scaleRate,
} from './optimizer.ts';
import { defineOptimizer, rate, share } from './settings.ts';

export interface AdamWOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019). With the gradient g of step t, element by element:
 *
 *     m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2
 *     p = p - lr decay p - lr (m / c1) / (sqrt(v / c2) + eps),   c_i = 1 - beta_i^t
 *
 * c_i is state, updated by the recurrence c_i = beta_i c_i + (1 - beta_i), from 0: unlike 1 - beta^t this has no cancellation in f32, and a
 * compiled step does not need the step number as an input.
 */
export class AdamW extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly #step: Buffer;
  readonly #corrections: readonly [Buffer, Buffer];
  readonly #mean: ParameterState;
  readonly #square: ParameterState;

  constructor(parameters: OptimizedParameters, options: AdamWOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01, ...rest } = options;
    super(parameters, { weightDecay, ...rest });
    for (const beta of betas)
      if (!(beta >= 0 && beta < 1)) throw new RangeError(`AdamW: betas must be in [0, 1), got ${betas.join(', ')}`);
    this.betas = betas;
    this.eps = requireNonNegative('eps', eps);
    const dtype = this.parameters.some((parameter) => parameter.dtype === 'f64') ? 'f64' : 'f32';
    this.#step = this.addState('step', zeros([], { dtype: 'i32' }));
    this.#corrections = [
      this.addState('bias_correction1', zeros([], { dtype })),
      this.addState('bias_correction2', zeros([], { dtype })),
    ];
    this.#mean = this.addParameterState('exp_avg');
    this.#square = this.addParameterState('exp_avg_sq');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Tensor | number): void {
    const [beta1, beta2] = this.betas;
    this.#step.assign(this.#step.add(1));
    const [correction1, correction2] = this.#corrections;
    const c1 = advance(correction1, beta1);
    const c2 = advance(correction2, beta2);
    const rate = c1.reciprocal().mul(lr); // lr / c1
    const root = c2.rsqrt(); // sqrt(v / c2) = sqrt(v) * root
    for (const [index, entry] of this.entries.entries()) {
      const gradient = gradients[index];
      if (gradient === undefined || gradient === null) continue;
      const { parameter, weightDecay, lrScale } = entry;
      const mean = this.#mean(entry);
      const square = this.#square(entry);
      const { dtype } = parameter;
      const m = mean.mul(beta1).add(gradient.mul(1 - beta1));
      const v = square.mul(beta2).add(gradient.square().mul(1 - beta2));
      const change = m.div(v.sqrt().mul(root.cast(dtype)).add(this.eps)).mul(rate.mul(lrScale).cast(dtype));
      const kept = decayed(parameter, scaleRate(lr, lrScale * weightDecay));
      parameter.assign(kept.sub(change));
      mean.assign(m);
      square.assign(v);
    }
  }
}

/** The next bias correction, which is also assigned. */
function advance(correction: Buffer, beta: number): Tensor {
  const next = correction.mul(beta).add(1 - beta);
  correction.assign(next);
  return next;
}

/** p - amount p */
function decayed(parameter: Tensor, amount: Tensor | number): Tensor {
  if (amount === 0) return parameter;
  return parameter.sub(parameter.mul(amount instanceof Tensor ? amount.cast(parameter.dtype) : amount));
}

/** The setting `optimizer.kind: adamw`. */
export const adamw = defineOptimizer(
  'adamw',
  'Adam with decoupled weight decay (Loshchilov and Hutter 2019)',
  {
    betas: z.tuple([share, share]).default([0.9, 0.98]).describe('decay of the running means of gradient and square'),
    eps: rate.default(1e-6).describe('added to the root of the mean square'),
  },
  (parameters, settings) => new AdamW(parameters, settings),
);
