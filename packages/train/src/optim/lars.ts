/** The optimizer LARS: SGD whose changes have the size of the parameters. */
import { type Tensor, where } from '@tessera/tensor';
import { MomentumOptimizer, type MomentumOptions, momentumFields } from './momentum.ts';
import { type OptimizedParameters, type OptimizerOptions, requireNonNegative } from './optimizer.ts';
import { descended, inDtypeOf, normOf, penalized, type Rate, scaleRate } from './rules.ts';
import { alwaysAdaptField, defineOptimizer, rate, trustClipField } from './settings.ts';

export interface LARSOptions extends OptimizerOptions, MomentumOptions {
  /** Size of a change relative to the parameter, at a rate of 1. Default 1e-3. */
  readonly trustCoeff?: number;
  readonly eps?: number;
  /** LARC: whether the rate is an upper bound, so that no parameter has a larger one. Default false. */
  readonly trustClip?: boolean;
  /** Whether parameters without weight decay have a trust ratio too. Default false. */
  readonly alwaysAdapt?: boolean;
}

/**
 * LARS (You et al. 2017, "Large Batch Training of Convolutional Networks") with the options and defaults of timm's `Lars`: lr 1,
 * trustCoeff 1e-3, eps 1e-8, no momentum, no weight decay:
 *
 *     q = trustCoeff |p| / (|g| + decay |p| + eps)        g = q (g + decay p)
 *     b = momentum b + (1 - dampening) g                  p = p - lr b,  with Nesterov p - lr (g + momentum b)
 *
 * with Euclidean norms of the whole parameter. The ratio q is 1 where one of them is 0, and for parameters without weight decay.
 */
export class LARS extends MomentumOptimizer {
  readonly trustCoeff: number;
  readonly eps: number;
  readonly trustClip: boolean;
  readonly alwaysAdapt: boolean;

  constructor(parameters: OptimizedParameters, options: LARSOptions = {}) {
    const { trustCoeff = 1e-3, eps = 1e-8, trustClip = false, alwaysAdapt = false, ...rest } = options;
    super(parameters, { lr: 1, ...rest });
    this.trustCoeff = requireNonNegative('trustCoeff', trustCoeff);
    this.eps = requireNonNegative('eps', eps);
    this.trustClip = trustClip;
    this.alwaysAdapt = alwaysAdapt;
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const direction = this.directions(gradients);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale } = entry;
      const rate = scaleRate(lr, lrScale);
      const whole = penalized(raw, parameter, weightDecay);
      const isScaled = weightDecay !== 0 || this.alwaysAdapt;
      const gradient = isScaled ? whole.mul(this.#trustRatio(parameter, raw, weightDecay, rate)) : whole;
      parameter.assign(descended(parameter, direction(entry, gradient), rate));
    }
  }

  #trustRatio(parameter: Tensor, gradient: Tensor, weightDecay: number, rate: Rate): Tensor {
    const [norm, ofGradient] = [normOf(parameter), normOf(gradient)];
    const scale = ofGradient.add(norm.mul(weightDecay)).add(this.eps);
    const ratio = where(norm.gt(0).logicalAnd(ofGradient.gt(0)), norm.mul(this.trustCoeff).div(scale), 1);
    return this.trustClip ? ratio.div(inDtypeOf(rate, parameter)).minimum(1) : ratio;
  }
}

/** The setting `optimizer.kind: lars`. */
export const lars = defineOptimizer(
  'lars',
  'SGD whose changes have the size of the parameters, for large batches (You et al. 2017); weight decay is added to the gradient',
  {
    lr: rate.default(1).describe('highest learning rate'),
    weightDecay: rate
      .default(1e-4)
      .describe('L2 penalty: the share of each such parameter that is added to its gradient'),
    ...momentumFields,
    trustCoeff: rate.default(1e-3).describe('size of a change relative to the parameter, at a rate of 1'),
    eps: rate.default(1e-8).describe('added to the norm of the gradient'),
    trustClip: trustClipField,
    alwaysAdapt: alwaysAdaptField,
  },
  (parameters, settings) => new LARS(parameters, settings),
);
