/** The optimizer NAdam: Adam with Nesterov momentum. */
import type { Buffer } from '@tessera/nn';
import { ones, type Tensor, where } from '@tessera/tensor';
import { adamFields } from './adam.ts';
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
import { decoupledField, defineOptimizer, l2Fields, rate } from './settings.ts';
import type { StepCounter } from './step-counter.ts';

export interface NAdamOptions extends OptimizerOptions {
  /** Decay of the running means of the gradient and of its square. */
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** How fast the momentum grows to betas[0]. Default 4e-3. */
  readonly momentumDecay?: number;
  /** Whether weight decay acts on the parameters directly instead of as a part of the gradient. Default false. */
  readonly decoupledWeightDecay?: boolean;
}

/** As in PyTorch, whose value differs from the one that the paper recommends. */
const growth = 0.96;

/**
 * NAdam (Dozat 2016, "Incorporating Nesterov Momentum into Adam"), as `torch.optim.NAdam`, with its defaults: lr 2e-3, betas 0.9 and
 * 0.999, eps 1e-8. With the gradient g of the parameter's step t:
 *
 *     mu_t = beta1 (1 - 0.96^(t decay) / 2)         M_t = mu_1 mu_2 ... mu_t
 *     m = beta1 m + (1 - beta1) g                   v = beta2 v + (1 - beta2) g^2          d = sqrt(v / (1 - beta2^t)) + eps
 *     p = p - lr (1 - mu_t) / (1 - M_t) g / d - lr mu_(t+1) / (1 - M_t mu_(t+1)) m / d
 *
 * The products M are f32 as in PyTorch, also for f64 parameters.
 */
export class NAdam extends Optimizer {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly momentumDecay: number;
  readonly decoupledWeightDecay: boolean;
  readonly #counter: StepCounter;
  /** M for each parameter: f32 [P]. */
  readonly #products: Buffer;
  readonly #mean: ParameterState;
  readonly #square: ParameterState;

  constructor(parameters: OptimizedParameters, options: NAdamOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, momentumDecay = 4e-3, decoupledWeightDecay = false, ...rest } = options;
    super(parameters, { lr: 2e-3, ...rest });
    this.betas = requireBetas('NAdam', betas);
    this.eps = requireNonNegative('eps', eps);
    this.momentumDecay = requireNonNegative('momentumDecay', momentumDecay);
    this.decoupledWeightDecay = decoupledWeightDecay;
    this.#counter = this.addStepCounter();
    this.#products = this.addState('mu_product', ones([this.entries.length]));
    this.#mean = this.addParameterState('exp_avg');
    this.#square = this.addParameterState('exp_avg_sq');
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const { betas, scalarDtype } = this;
    const [beta1, beta2] = betas;
    const { steps, each, absent } = this.#counter.advance(gradients);
    const count = steps(scalarDtype);
    const momenta = this.#momentumAt(count);
    const products = this.#products.mul((absent === null ? momenta : where(absent.eq(0), momenta, 1)).cast('f32'));
    this.#products.assign(products);
    const product = products.cast(scalarDtype);
    const next = this.#momentumAt(count.add(1));
    const rate = inDtypeOf(lr, product);
    const ofGradients = momenta.neg().add(1).div(product.neg().add(1)).mul(rate).contiguous();
    const ofMeans = next.div(product.mul(next).neg().add(1)).mul(rate).contiguous();
    const rootOf = each(oneMinusPower(beta2, count).rsqrt());
    for (const [entry, raw] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const { dtype } = parameter;
      const gradient = this.decoupledWeightDecay ? raw : penalized(raw, parameter, weightDecay);
      const [mean, square] = [this.#mean(entry), this.#square(entry)];
      const m = runningMean(mean, gradient, beta1);
      const v = runningSquare(square, gradient, beta2);
      const ofGradient = ofGradients.select(0, index).mul(lrScale).cast(dtype);
      const ofMean = ofMeans.select(0, index).mul(lrScale).cast(dtype);
      const scale = v.sqrt().mul(rootOf(index).cast(dtype)).add(this.eps);
      const change = gradient.mul(ofGradient).add(m.mul(ofMean)).div(scale);
      const kept = this.decoupledWeightDecay ? decayed(parameter, scaleRate(lr, lrScale * weightDecay)) : parameter;
      parameter.assign(kept.sub(change));
      mean.assign(m);
      square.assign(v);
    }
  }

  /** mu at steps. */
  #momentumAt(steps: Tensor): Tensor {
    const decay = steps.mul(this.momentumDecay * Math.log(growth)).exp();
    return decay.mul(-0.5).add(1).mul(this.betas[0]);
  }
}

/** The setting `optimizer.kind: nadam`. */
export const nadam = defineOptimizer(
  'nadam',
  'Adam with Nesterov momentum (Dozat 2016); weight decay is added to the gradient, or decoupled',
  {
    ...l2Fields,
    ...adamFields,
    momentumDecay: rate.default(4e-3).describe('how fast the momentum grows to betas[0]'),
    decoupledWeightDecay: decoupledField,
  },
  (parameters, settings) => new NAdam(parameters, settings),
);
