/** The optimizer Rprop: resilient backpropagation. */
import { type Tensor, where } from '@tessera/tensor';
import { type OptimizedParameters, Optimizer, type OptimizerOptions, type ParameterState } from './optimizer.ts';
import { inDtypeOf, type Rate, scaleRate } from './rules.ts';
import { firstSteps, type StepCounter } from './step-counter.ts';

export interface RpropOptions extends Omit<OptimizerOptions, 'weightDecay'> {
  /** Factors on a step's size where the gradient changed its sign, and where it kept it. Default 0.5 and 1.2. */
  readonly etas?: readonly [number, number];
  /** Bounds of the steps' sizes. Default 1e-6 and 50. */
  readonly stepSizes?: readonly [number, number];
}

/**
 * Rprop (Riedmiller and Braun 1993), as `torch.optim.Rprop`, with its defaults. Each element of a parameter has its own step size s, and
 * only the gradient's sign counts, so it suits gradients of all data at once. With the gradient h of the step before:
 *
 *     s = clamp(s etas[1])  where g h > 0        s = clamp(s etas[0]), g = 0  where g h < 0
 *     p = p - sign(g) s
 *
 * The learning rate (default 1e-2) is the size of a parameter's first step; that of later steps has no effect.
 */
export class Rprop extends Optimizer {
  readonly etas: readonly [number, number];
  readonly stepSizes: readonly [number, number];
  readonly #counter: StepCounter;
  readonly #previous: ParameterState;
  readonly #sizes: ParameterState;

  constructor(parameters: OptimizedParameters, options: RpropOptions = {}) {
    const { etas = [0.5, 1.2], stepSizes = [1e-6, 50], ...rest } = options;
    super(parameters, { lr: 1e-2, ...rest });
    const [minus, plus] = etas;
    if (!(minus > 0 && minus < 1 && plus > 1))
      throw new RangeError(`Rprop: etas must be in (0, 1) and above 1, got ${etas.join(', ')}`);
    const [smallest, largest] = stepSizes;
    if (!(smallest >= 0 && largest >= smallest))
      throw new RangeError(`Rprop: stepSizes must be at least 0 and in ascending order, got ${stepSizes.join(', ')}`);
    this.etas = etas;
    this.stepSizes = stepSizes;
    this.#counter = this.addStepCounter();
    this.#previous = this.addParameterState('prev');
    this.#sizes = this.addParameterState('step_size');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [minus, plus] = this.etas;
    const isFirst = firstSteps(this.#counter, gradients);
    for (const [entry, gradient] of this.withGradients(gradients)) {
      const { parameter, lrScale, index } = entry;
      const [previous, state] = [this.#previous(entry), this.#sizes(entry)];
      const sizes = where(isFirst(index), inDtypeOf(scaleRate(lr, lrScale), parameter), state);
      const agreement = gradient.mul(previous);
      const changed = where(agreement.gt(0), sizes.mul(plus), where(agreement.lt(0), sizes.mul(minus), sizes));
      const size = changed.clamp(...this.stepSizes);
      const kept = where(agreement.lt(0), 0, gradient).cast(parameter.dtype);
      parameter.assign(parameter.sub(kept.sign().mul(size)));
      state.assign(size);
      previous.assign(kept);
    }
  }
}
