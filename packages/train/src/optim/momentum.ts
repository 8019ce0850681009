/** Momentum: the piece that SGD and the optimizers built on it share. */
import { type Tensor, where } from '@tessera/tensor';
import { z } from 'zod';
import {
  type Entry,
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
} from './optimizer.ts';
import { rate } from './settings.ts';
import { firstSteps, type StepCounter } from './step-counter.ts';

/** How a direction follows from the gradients of several steps. */
export interface MomentumOptions {
  /** Share of the last direction that is kept. Default 0. */
  readonly momentum?: number;
  /** The new gradient counts 1 - dampening, but in the first step of a parameter 1. Default 0. */
  readonly dampening?: number;
  /** Nesterov's look-ahead; needs a momentum above 0 and no dampening. */
  readonly nesterov?: boolean;
}

/** @throws RangeError where the options contradict each other */
function checkMomentum(optimizer: string, { momentum = 0, dampening = 0, nesterov = false }: MomentumOptions): void {
  requireNonNegative('momentum', momentum);
  if (!Number.isFinite(dampening))
    throw new RangeError(`${optimizer}: dampening must be a finite number, got ${dampening}`);
  if (nesterov && momentum === 0) throw new RangeError(`${optimizer}: nesterov needs a momentum above 0`);
  if (nesterov && dampening !== 0)
    throw new RangeError(`${optimizer}: nesterov needs a dampening of 0, got ${dampening}`);
}

/** The next direction: momentum velocity + (1 - dampening) gradient; where `isFirst` (bool, a scalar) is true, the gradient. */
function nextVelocity(
  velocity: Tensor,
  gradient: Tensor,
  { momentum, dampening }: { readonly momentum: number; readonly dampening: number },
  isFirst: Tensor | null,
): Tensor {
  const kept = velocity.mul(momentum);
  if (isFirst === null) return kept.add(gradient);
  return where(isFirst, gradient, kept.add(gradient.mul(1 - dampening)));
}

/** An optimizer whose directions have a momentum: b = momentum b + (1 - dampening) g, in the first step of a parameter b = g. */
export abstract class MomentumOptimizer extends Optimizer {
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  /** Null without momentum. */
  readonly #velocity: ParameterState | null;
  /** Null without dampening, which alone depends on the step. */
  readonly #counter: StepCounter | null;

  constructor(parameters: OptimizedParameters, options: OptimizerOptions & MomentumOptions) {
    const { momentum = 0, dampening = 0, nesterov = false, ...rest } = options;
    super(parameters, rest);
    checkMomentum(this.constructor.name, { momentum, dampening, nesterov });
    this.momentum = momentum;
    this.dampening = dampening;
    this.nesterov = nesterov;
    this.#counter = momentum === 0 || dampening === 0 ? null : this.addStepCounter();
    this.#velocity = momentum === 0 ? null : this.addParameterState('momentum_buffer');
  }

  /** Begins a step. Returns the direction of a parameter from its gradient: b, with Nesterov g + momentum b. */
  protected directions(gradients: readonly (Tensor | null)[]): (entry: Entry, gradient: Tensor) => Tensor {
    const isFirst = this.#counter === null ? null : firstSteps(this.#counter, gradients);
    return (entry, gradient) => {
      if (this.#velocity === null) return gradient;
      const velocity = this.#velocity(entry);
      const next = nextVelocity(velocity, gradient, this, isFirst?.(entry.index) ?? null);
      velocity.assign(next);
      return this.nesterov ? gradient.add(next.mul(this.momentum)) : next;
    };
  }
}

/** The settings of momentum. */
export const momentumFields = {
  momentum: rate.default(0.9).describe('share of the last direction that is kept'),
  dampening: rate.default(0).describe('share of the new gradient that is left out of the direction'),
  nesterov: z.boolean().default(false).describe("Nesterov's look-ahead; needs a momentum above 0 and no dampening"),
};
