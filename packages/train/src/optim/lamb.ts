/** The optimizer LAMB: Adam whose changes have the size of the parameters. */
import { type Tensor, where, zeros } from '@tessera/tensor';
import { z } from 'zod';
import { adamFields } from './adam.ts';
import {
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  requireBetas,
  requireNonNegative,
} from './optimizer.ts';
import { descended, normOf, oneMinusPower, type Rate, runningMean, runningSquare, scaleRate } from './rules.ts';
import { alwaysAdaptField, defineOptimizer, trustClipField } from './settings.ts';
import type { PerParameter, StepCounter } from './step-counter.ts';

export interface LAMBOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** Default true: the running means are divided by 1 - beta^t. */
  readonly biasCorrection?: boolean;
  /** Default true: the running mean of the gradient adds (1 - beta1) g; false: g. */
  readonly gradAveraging?: boolean;
  /** The gradients are scaled down to this norm over all parameters first; null: they are not. Default 1, as in timm. */
  readonly maxGradNorm?: number | null;
  /** Whether the trust ratio is at most 1. Default false. */
  readonly trustClip?: boolean;
  /** Whether parameters without weight decay have a trust ratio too. Default false. */
  readonly alwaysAdapt?: boolean;
}

/**
 * LAMB (You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", algorithm 2) with the options and
 * defaults of timm's `Lamb`: lr 1e-3, betas 0.9 and 0.999, eps 1e-6, weight decay 0.01. With the gradient g of the parameter's step t:
 *
 *     m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2        c_i = 1 - beta_i^t
 *     r = (m / c1) / (sqrt(v / c2) + eps) + decay p        p = p - lr |p| / |r| r
 *
 * with Euclidean norms of the whole parameter. The ratio is 1 where one of them is 0, and for parameters without weight decay.
 */
export class LAMB extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly biasCorrection: boolean;
  readonly gradAveraging: boolean;
  readonly maxGradNorm: number | null;
  readonly trustClip: boolean;
  readonly alwaysAdapt: boolean;
  /** Null without bias correction, which alone depends on the step. */
  readonly #counter: StepCounter | null;
  readonly #mean: ParameterState;
  readonly #square: ParameterState;

  constructor(parameters: OptimizedParameters, options: LAMBOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-6, biasCorrection = true, gradAveraging = true, ...others } = options;
    const { maxGradNorm = 1, trustClip = false, alwaysAdapt = false, ...rest } = others;
    super(parameters, { weightDecay: 0.01, ...rest });
    this.betas = requireBetas('LAMB', betas);
    this.eps = requireNonNegative('eps', eps);
    this.biasCorrection = biasCorrection;
    this.gradAveraging = gradAveraging;
    if (maxGradNorm !== null && !(maxGradNorm > 0))
      throw new RangeError(`LAMB: maxGradNorm must be above 0, or null, got ${maxGradNorm}`);
    this.maxGradNorm = maxGradNorm;
    this.trustClip = trustClip;
    this.alwaysAdapt = alwaysAdapt;
    this.#counter = biasCorrection ? this.addStepCounter() : null;
    this.#mean = this.addParameterState('exp_avg');
    this.#square = this.addParameterState('exp_avg_sq');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const [beta1, beta2] = this.betas;
    const { inverseOf, rootOf } = this.#corrections(gradients);
    const divisor = this.#clipDivisor(gradients);
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const { dtype } = parameter;
      const gradient = divisor === null ? raw : raw.div(divisor.cast(dtype));
      const [mean, square] = [this.#mean(entry), this.#square(entry)];
      const m = this.gradAveraging ? runningMean(mean, gradient, beta1) : mean.mul(beta1).add(gradient);
      const v = runningSquare(square, gradient, beta2);
      const corrected = inverseOf === null ? m : m.mul(inverseOf(index).cast(dtype));
      const root = rootOf === null ? v.sqrt() : v.sqrt().mul(rootOf(index).cast(dtype));
      const adapted = corrected.div(root.add(this.eps));
      const change = weightDecay === 0 ? adapted : adapted.add(parameter.mul(weightDecay));
      const isScaled = weightDecay !== 0 || this.alwaysAdapt;
      const direction = isScaled ? change.mul(this.#trustRatio(parameter, change)) : change;
      parameter.assign(descended(parameter, direction, scaleRate(lr, lrScale)));
      mean.assign(m);
      square.assign(v);
    }
  }

  /** 1 / c1 and 1 / sqrt(c2); null without bias correction. */
  #corrections(gradients: readonly (Tensor | null)[]): { inverseOf: PerParameter | null; rootOf: PerParameter | null } {
    if (this.#counter === null) return { inverseOf: null, rootOf: null };
    const [beta1, beta2] = this.betas;
    const { steps, each } = this.#counter.advance(gradients);
    const count = steps(this.scalarDtype);
    return {
      inverseOf: each(oneMinusPower(beta1, count).reciprocal()),
      rootOf: each(oneMinusPower(beta2, count).rsqrt()),
    };
  }

  /** max(1, |g| / maxGradNorm) over all parameters; null: no clipping. */
  #clipDivisor(gradients: readonly (Tensor | null)[]): Tensor | null {
    if (this.maxGradNorm === null) return null;
    const start = zeros([], { dtype: this.scalarDtype });
    const total = gradients.reduce<Tensor>(
      (sum, gradient) => (gradient === null ? sum : sum.add(gradient.square().sum())),
      start,
    );
    return total.sqrt().div(this.maxGradNorm).maximum(1).contiguous();
  }

  #trustRatio(parameter: Tensor, change: Tensor): Tensor {
    const ratio = trustRatio(normOf(parameter), normOf(change));
    return this.trustClip ? ratio.minimum(1) : ratio;
  }
}

/** norm / of; 1 where one of them is 0. */
const trustRatio = (norm: Tensor, of: Tensor): Tensor =>
  where(norm.gt(0).logicalAnd(of.gt(0)), norm.div(where(of.gt(0), of, 1)), 1);

/** The setting `optimizer.kind: lamb`. */
export const lamb = defineOptimizer(
  'lamb',
  'Adam whose changes have the size of the parameters, for large batches (You et al. 2020), with weight decay in the change',
  {
    ...adamFields,
    biasCorrection: z.boolean().default(true).describe('whether the running means are corrected for their start at 0'),
    trustClip: trustClipField,
    alwaysAdapt: alwaysAdaptField,
  },
  // Gradients are clipped by training.clipGradNorm.
  (parameters, settings) => new LAMB(parameters, { ...settings, maxGradNorm: null }),
);
