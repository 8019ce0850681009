/** The optimizer SGD: stochastic gradient descent. */
import { type Tensor, where } from '@tessera/tensor';
import { z } from 'zod';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
} from './optimizer.ts';
import { descended, penalized, type Rate, scaleRate } from './rules.ts';
import { defineOptimizer, rate } from './settings.ts';
import type { PerParameter, StepCounter } from './step-counter.ts';

/** How a direction follows from the gradients of several steps. */
export interface MomentumOptions {
  /** Share of the last direction that is kept. Default 0. */
  readonly momentum?: number;
  /** The new gradient counts 1 - dampening, but in the first step of a parameter 1. Default 0. */
  readonly dampening?: number;
  /** Nesterov's look-ahead; needs a momentum above 0 and no dampening. */
  readonly nesterov?: boolean;
}

export interface SGDOptions extends OptimizerOptions, MomentumOptions {}

/** @throws RangeError where the options contradict each other */
export function checkMomentum(
  optimizer: string,
  { momentum = 0, dampening = 0, nesterov = false }: MomentumOptions,
): void {
  requireNonNegative('momentum', momentum);
  if (!Number.isFinite(dampening))
    throw new RangeError(`${optimizer}: dampening must be a finite number, got ${dampening}`);
  if (nesterov && momentum === 0) throw new RangeError(`${optimizer}: nesterov needs a momentum above 0`);
  if (nesterov && dampening !== 0)
    throw new RangeError(`${optimizer}: nesterov needs a dampening of 0, got ${dampening}`);
}

/** Counts a step. Returns whether it is the first of each parameter: bool, scalars. */
export function firstSteps(counter: StepCounter, gradients: readonly (Tensor | null)[]): PerParameter {
  const { steps, each } = counter.advance(gradients);
  return each(steps('f32').eq(1));
}

/** The next direction: momentum velocity + (1 - dampening) gradient; where `isFirst` (bool, a scalar) is true, the gradient. */
export function nextVelocity(
  velocity: Tensor,
  gradient: Tensor,
  { momentum, dampening }: { readonly momentum: number; readonly dampening: number },
  isFirst: Tensor | null,
): Tensor {
  const kept = velocity.mul(momentum);
  if (isFirst === null) return kept.add(gradient);
  return where(isFirst, gradient, kept.add(gradient.mul(1 - dampening)));
}

/**
 * Stochastic gradient descent with momentum, as in PyTorch (weight decay is added to the gradient):
 *
 *     g = g + decay p        b = momentum b + (1 - dampening) g        p = p - lr b,  with Nesterov p - lr (g + momentum b)
 *
 * In the first step of a parameter b = g.
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  /** Null without momentum. */
  readonly #velocity: ParameterState | null;
  /** Null without dampening, which alone depends on the step. */
  readonly #counter: StepCounter | null;

  constructor(parameters: OptimizedParameters, options: SGDOptions = {}) {
    const { momentum = 0, dampening = 0, nesterov = false, ...rest } = options;
    super(parameters, rest);
    checkMomentum('SGD', { momentum, dampening, nesterov });
    this.momentum = momentum;
    this.dampening = dampening;
    this.nesterov = nesterov;
    this.#counter = momentum === 0 || dampening === 0 ? null : this.addStepCounter();
    this.#velocity = momentum === 0 ? null : this.addParameterState('momentum_buffer');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const isFirst = this.#counter === null ? null : firstSteps(this.#counter, gradients);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      const velocity = this.#velocity?.(entry) ?? null;
      let direction = gradient;
      if (velocity !== null) {
        const next = nextVelocity(velocity, gradient, this, isFirst?.(index) ?? null);
        velocity.assign(next);
        direction = this.nesterov ? gradient.add(next.mul(this.momentum)) : next;
      }
      parameter.assign(descended(parameter, direction, scaleRate(lr, lrScale)));
    }
  }
}

/** The settings of momentum. */
export const momentumFields = {
  momentum: rate.default(0.9).describe('share of the last direction that is kept'),
  dampening: rate.default(0).describe('share of the new gradient that is left out of the direction'),
  nesterov: z.boolean().default(false).describe("Nesterov's look-ahead; needs a momentum above 0 and no dampening"),
};

/** The setting `optimizer.kind: sgd`. */
export const sgd = defineOptimizer(
  'sgd',
  'stochastic gradient descent with momentum; weight decay is added to the gradient',
  momentumFields,
  (parameters, settings) => new SGD(parameters, settings),
);
