/** The optimizer Adadelta. */
import type { Tensor } from '@tessera/tensor';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireNonNegative,
} from './optimizer.ts';
import { descended, penalized, type Rate, runningSquare, scaleRate } from './rules.ts';
import { defineOptimizer, l2Fields, rate, share } from './settings.ts';

export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of the running means of the squares. Default 0.9. */
  readonly rho?: number;
  readonly eps?: number;
}

/**
 * Adadelta (Zeiler 2012), as `torch.optim.Adadelta`, with its defaults: lr 1, rho 0.9, eps 1e-6:
 *
 *     g = g + decay p        v = rho v + (1 - rho) g^2        d = sqrt(u + eps) / sqrt(v + eps) g        u = rho u + (1 - rho) d^2
 *     p = p - lr d
 */
export class Adadelta extends Optimizer {
  readonly rho: number;
  readonly eps: number;
  readonly #square: ParameterState;
  readonly #changes: ParameterState;

  constructor(parameters: OptimizedParameters, options: AdadeltaOptions = {}) {
    const { rho = 0.9, eps = 1e-6, ...rest } = options;
    super(parameters, { lr: 1, ...rest });
    if (!(rho >= 0 && rho <= 1)) throw new RangeError(`Adadelta: rho must be in [0, 1], got ${rho}`);
    this.rho = rho;
    this.eps = requireNonNegative('eps', eps);
    this.#square = this.addParameterState('square_avg');
    this.#changes = this.addParameterState('acc_delta');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale } = entry;
      const gradient = penalized(raw, parameter, weightDecay);
      const [square, changes] = [this.#square(entry), this.#changes(entry)];
      const v = runningSquare(square, gradient, this.rho);
      const direction = changes.add(this.eps).sqrt().div(v.add(this.eps).sqrt()).mul(gradient);
      square.assign(v);
      changes.assign(runningSquare(changes, direction, this.rho));
      parameter.assign(descended(parameter, direction, scaleRate(lr, lrScale)));
    }
  }
}

/** The setting `optimizer.kind: adadelta`. */
export const adadelta = defineOptimizer(
  'adadelta',
  'changes as large as the earlier ones (Zeiler 2012); weight decay is added to the gradient',
  {
    ...l2Fields,
    lr: rate.default(1).describe('highest learning rate'),
    rho: share.default(0.9).describe('decay of the running means of the squares'),
    eps: rate.default(1e-6).describe('added to the mean squares'),
  },
  (parameters, settings) => new Adadelta(parameters, settings),
);
