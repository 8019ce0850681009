/** Batch normalization. */

import { formatShape, isHalf, moments, noGrad, type Tensor } from '@tessera/tensor';
import { requireShapes } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { checkBatch } from '../sizes.ts';
import { alongChannels, defaultEps } from './moments.ts';
import { RunningNorm, type RunningNormOptions } from './running-statistics.ts';

export interface BatchNormOptions {
  readonly training: boolean;
  /** running += momentum * (batch - running). A number, or a scalar tensor. */
  readonly momentum?: number | Tensor;
  readonly eps?: number;
}

/**
 * Batch normalization over all axes but axis 1 (Ioffe and Szegedy 2015). Training uses the batch's own statistics, with the biased
 * variance, and updates the running statistics, with the unbiased one; evaluation uses the running statistics.
 *
 * f16 and bf16 are computed in f32; the result has the input's dtype, under `autocast` too.
 *
 * @param input [N, C, ...]
 * @param runningMean [C]; assigned to in training
 * @param runningVariance [C]; assigned to in training
 * @param weight [C], or null
 * @param bias [C], or null
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVariance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions,
): Tensor {
  const [, channels] = input.shape;
  // PyTorch takes an empty vector too.
  if (input.ndim === 1 && input.size === 0) return input;
  if (channels === undefined)
    throw new RangeError(`batchNorm: needs an input [N, C, ...], got a tensor of shape ${formatShape(input.shape)}`);
  const { eps = defaultEps } = options;
  const state = { 'running mean': runningMean, 'running variance': runningVariance, weight, bias };
  requireShapes('batchNorm', state, [channels]);
  const normalized = normalizeChannels(inF32(input), runningMean, runningVariance, weight, bias, { ...options, eps });
  return isHalf(input.dtype) ? normalized.cast(input.dtype) : normalized;
}

/** As in PyTorch, other than in the other normalizations: a channel may well have a running variance of 0. */
function checkEps(op: string, eps: number): void {
  if (!(eps > 0)) throw new RangeError(`${op}: eps must be a positive number, got ${eps}`);
}

/** Batch normalization of f32 and f64. */
function normalizeChannels(
  input: Tensor,
  runningMean: Tensor | null,
  runningVariance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  { training, momentum = 0.1, eps }: BatchNormOptions & { readonly eps: number },
): Tensor {
  const [, channels = 0] = input.shape;
  const along = (tensor: Tensor): Tensor => alongChannels(tensor, input.ndim);
  const affine = (scale: Tensor): Tensor => (weight === null ? scale : scale.mul(along(weight)));
  const shifted = (output: Tensor): Tensor => (bias === null ? output : output.add(along(bias)));

  if (!training) {
    if (runningMean === null || runningVariance === null)
      throw new Error('batchNorm: evaluation needs running statistics');
    const scale = affine(along(runningVariance).add(eps).rsqrt());
    return shifted(input.sub(along(runningMean)).mul(scale));
  }

  const count = input.size / channels;
  // An empty batch has no statistics, and changes none.
  if (count === 0) return shifted(affine(input));
  if (count === 1)
    throw new RangeError(
      `batchNorm: training needs more than one value per channel, got a batch of shape ${formatShape(input.shape)}`,
    );
  const axes = input.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const { mean, deviation, variance } = moments(input, axes);
  noGrad(() => {
    const blend = (running: Tensor | null, batch: Tensor): void => {
      running?.assign(running.add(batch.reshape([channels]).sub(running).mul(momentum)));
    };
    blend(runningMean, mean);
    blend(runningVariance, variance.mul(count / (count - 1)));
  });
  return shifted(deviation.mul(affine(variance.add(eps).rsqrt())));
}

export type BatchNormLayerOptions = RunningNormOptions;

/**
 * The base class of batch normalizations. In training, `forward` assigns the running statistics: the mean, and the unbiased variance.
 * With `trackRunningStats: false` there are none, and evaluation uses the batch's own statistics too.
 */
abstract class BatchNorm extends RunningNorm {
  readonly #op: string;

  constructor(op: string, numFeatures: number, options: BatchNormLayerOptions) {
    super(numFeatures, {
      ...options,
      affine: options.affine ?? true,
      trackRunningStats: options.trackRunningStats ?? true,
    });
    checkEps(op, this.eps);
    this.#op = op;
  }

  /** @throws RangeError unless the input has the axes that the layer expects */
  protected abstract check(input: Tensor): void;

  override forward(input: Tensor): Tensor {
    this.check(input);
    if (input.shape[1] !== this.numFeatures)
      throw new RangeError(
        `${this.#op}: ${this.numFeatures} channels expected, got an input of shape ${formatShape(input.shape)}`,
      );
    const { running_mean, running_var, num_batches_tracked } = this;
    const batches = num_batches_tracked?.add(1);
    if (this.training && batches !== undefined) num_batches_tracked?.assign(batches);
    return batchNorm(input, running_mean, running_var, this.weight, this.bias, {
      training: this.training || running_mean === null,
      momentum: this.momentum ?? batches?.cast(input.dtype).reciprocal(),
      eps: this.eps,
    });
  }
}

/** Batch normalization of features [N, C] over N, or of sequences [N, C, L] over N and L. */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm1d', numFeatures, options);
  }

  protected override check(input: Tensor): void {
    if (input.ndim !== 2 && input.ndim !== 3)
      throw new RangeError(
        `BatchNorm1d: needs features [N, C] or sequences [N, C, L], got a tensor of shape ${formatShape(input.shape)}`,
      );
  }
}

/** Batch normalization of images [N, C, H, W] over N, H and W. */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm2d', numFeatures, options);
  }

  protected override check(input: Tensor): void {
    checkBatch(input, 2, 'BatchNorm2d');
  }
}

/** Batch normalization of volumes [N, C, D, H, W] over N, D, H and W. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super('BatchNorm3d', numFeatures, options);
  }

  protected override check(input: Tensor): void {
    checkBatch(input, 3, 'BatchNorm3d');
  }
}
