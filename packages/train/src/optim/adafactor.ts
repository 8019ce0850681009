/** The optimizer Adafactor: adaptive rates whose state is as small as the sides of a matrix. */
import type { Buffer } from '@tessera/nn';
import { type Tensor, zeros } from '@tessera/tensor';
import { z } from 'zod';
import {
  type Entry,
  type OptimizedParameters,
  Optimizer,
  type OptimizerOptions,
  requireNonNegative,
} from './optimizer.ts';
import { decayed, descended, inDtypeOf, normOf, type Rate, scaleRate } from './rules.ts';
import { defineOptimizer, rate } from './settings.ts';
import type { StepCounter } from './step-counter.ts';

export interface AdafactorOptions extends OptimizerOptions {
  /** The mean squares of step t forget the share t^beta2Decay. At most 0. Default -0.8. */
  readonly beta2Decay?: number;
  /** Lower bounds: of the root of the mean squares (null: the dtype's epsilon), and of the size of a parameter. Default null and 1e-3. */
  readonly eps?: readonly [number | null, number];
  /** Bound on the root mean square of a change. At least 1. Default 1. */
  readonly d?: number;
}

/** Mean squares of the gradient of a parameter: those of the rows and columns of its last two axes, or all of them. */
type Variance =
  | { readonly kind: 'factored'; readonly rows: Buffer; readonly columns: Buffer }
  | { readonly kind: 'full'; readonly values: Buffer };

const epsilons = { f32: 2 ** -23, f64: 2 ** -52 };

/**
 * Adafactor (Shazeer and Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", algorithms 4 and 5), as
 * `torch.optim.Adafactor`, with its defaults: lr 1e-2, beta2Decay -0.8, eps null and 1e-3, d 1, no weight decay. The mean squares of a
 * parameter with two or more axes are kept as those of rows, R, and columns, C. With the gradient g of the parameter's step t, and
 * w = t^beta2Decay:
 *
 *     p = p - lr decay p
 *     R = R + w (mean of g^2 over the last axis - R)        C = C + w (mean over the axis before - C)
 *     V = R C / mean(R)        u = g / sqrt(max(V, eps_1^2))        u = u / max(1, rms(u) / d)
 *     p = p - max(eps_2, rms(p)) min(lr, 1 / sqrt(t)) u
 */
export class Adafactor extends Optimizer {
  readonly beta2Decay: number;
  readonly eps: readonly [number | null, number];
  readonly d: number;
  readonly #counter: StepCounter;
  readonly #variances: readonly Variance[];

  constructor(parameters: OptimizedParameters, options: AdafactorOptions = {}) {
    const { beta2Decay = -0.8, eps = [null, 1e-3], d = 1, ...rest } = options;
    super(parameters, { lr: 1e-2, ...rest });
    if (!(beta2Decay <= 0)) throw new RangeError(`Adafactor: beta2Decay must be at most 0, got ${beta2Decay}`);
    if (!(d >= 1)) throw new RangeError(`Adafactor: d must be at least 1, got ${d}`);
    if (!Array.isArray(eps) || eps.length !== 2)
      throw new RangeError(`Adafactor: eps must be a pair of lower bounds, got ${JSON.stringify(eps)}`);
    const [first, second] = eps;
    if (first !== null) requireNonNegative('eps[0]', first);
    requireNonNegative('eps[1]', second);
    this.beta2Decay = beta2Decay;
    this.eps = eps;
    this.d = d;
    this.#counter = this.addStepCounter();
    this.#variances = this.entries.map((entry) => this.#addVariance(entry));
  }

  #addVariance({ name, parameter }: Entry): Variance {
    const { shape, dtype, ndim } = parameter;
    if (ndim < 2) return { kind: 'full', values: this.addState(`variance.${name}`, zeros(shape, { dtype })) };
    const without = (axis: number): number[] => shape.map((size, k) => (k === axis ? 1 : size));
    return {
      kind: 'factored',
      rows: this.addState(`row_var.${name}`, zeros(without(ndim - 1), { dtype })),
      columns: this.addState(`col_var.${name}`, zeros(without(ndim - 2), { dtype })),
    };
  }

  protected override update(gradients: readonly (Tensor | null)[], lr: Rate): void {
    const { steps, each } = this.#counter.advance(gradients);
    const count = steps(this.scalarDtype);
    const weightOf = each(count.pow(this.beta2Decay));
    const boundOf = each(count.rsqrt());
    for (const [entry, gradient] of this.withGradients(gradients)) {
      const { parameter, weightDecay, lrScale, index } = entry;
      const { dtype } = parameter;
      const [smallestRoot, smallestSize] = this.eps;
      const rate = scaleRate(lr, lrScale);
      const size = rootMeanSquare(parameter).maximum(smallestSize);
      const alpha = size.mul(
        boundOf(index)
          .minimum(inDtypeOf(rate, boundOf(index)))
          .cast(dtype),
      );
      const smallest = smallestRoot ?? epsilons[dtype === 'f64' ? 'f64' : 'f32'];
      const estimate = this.#estimate(entry, gradient, weightOf(index).cast(dtype), smallest);
      const change = gradient.mul(estimate.maximum(smallest * smallest).rsqrt());
      const excess = rootMeanSquare(change).div(this.d).maximum(1);
      const kept = decayed(parameter, scaleRate(lr, lrScale * weightDecay));
      parameter.assign(descended(kept, change, alpha.div(excess)));
    }
  }

  /** The mean squares with those of this gradient: the estimate for each element. */
  #estimate({ index }: Entry, gradient: Tensor, weight: Tensor, smallest: number): Tensor {
    const variance = this.#variances[index];
    if (variance === undefined) throw new Error(`Adafactor: parameter ${index} has no state`);
    const squares = gradient.square();
    if (variance.kind === 'full') return moved(variance.values, squares, weight);
    const rows = moved(variance.rows, squares.mean(-1, true), weight);
    const columns = moved(variance.columns, squares.mean(-2, true), weight);
    return rows.mul(columns).div(rows.mean(-2, true).maximum(smallest));
  }
}

/** Moves a mean by a share towards a value. Returns the new mean. */
function moved(mean: Buffer, value: Tensor, weight: Tensor): Tensor {
  const next = mean.add(value.sub(mean).mul(weight));
  mean.assign(next);
  return next;
}

const rootMeanSquare = (values: Tensor): Tensor => normOf(values).div(Math.sqrt(values.size));

/** The setting `optimizer.kind: adafactor`. */
export const adafactor = defineOptimizer(
  'adafactor',
  'adaptive rates with little state: mean squares of rows and columns (Shazeer and Stern 2018), with decoupled weight decay',
  {
    lr: rate.default(1e-2).describe('highest learning rate, relative to the size of each parameter'),
    weightDecay: rate.default(0).describe('decoupled weight decay of the same parameters as for other optimizers'),
    beta2Decay: z.number().max(0).default(-0.8).describe('the mean squares of step t forget the share t^beta2Decay'),
    eps: z
      .tuple([rate.nullable(), rate])
      .default([null, 1e-3])
      .describe("lower bounds of the root of the mean squares (null: the dtype's epsilon) and of a parameter's size"),
    d: z.number().min(1).default(1).describe('bound on the root mean square of a change'),
  },
  (parameters, settings) => new Adafactor(parameters, settings),
);
