/** Batch normalization. */
import { formatShape, isHalf, moments, noGrad, type Tensor } from '@tessera/tensor';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Buffer, Parameter } from '../module/parameter.ts';
import { inF32 } from '../precision.ts';
import { sizesOf } from '../sizes.ts';
import { defaultEps } from './layer-norm.ts';

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
  const normalized = normalizeChannels(inF32(input), runningMean, runningVariance, weight, bias, options);
  return isHalf(input.dtype) ? normalized.cast(input.dtype) : normalized;
}

/** Batch normalization of f32 and f64. */
function normalizeChannels(
  input: Tensor,
  runningMean: Tensor | null,
  runningVariance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  { training, momentum = 0.1, eps = defaultEps }: BatchNormOptions,
): Tensor {
  const [, channels] = input.shape;
  if (channels === undefined)
    throw new RangeError(`batchNorm: needs an input [N, C, ...], got a tensor of shape ${formatShape(input.shape)}`);
  const perChannel = [channels, ...input.shape.slice(2).map(() => 1)];
  const alongChannels = (tensor: Tensor): Tensor => tensor.reshape(perChannel);
  const affine = (scale: Tensor): Tensor => (weight === null ? scale : scale.mul(alongChannels(weight)));
  const shifted = (output: Tensor): Tensor => (bias === null ? output : output.add(alongChannels(bias)));

  if (!training) {
    if (runningMean === null || runningVariance === null)
      throw new Error('batchNorm: evaluation needs running statistics');
    const scale = affine(alongChannels(runningVariance).add(eps).rsqrt());
    return shifted(input.sub(alongChannels(runningMean)).mul(scale));
  }

  const count = input.size / channels;
  if (count <= 1)
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

export interface BatchNormLayerOptions {
  readonly eps?: number;
  /** Weight of the batch in the running statistics; null: they are the mean over all batches so far. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias. */
  readonly affine?: boolean;
  /** Without running statistics, evaluation uses the batch's own too. */
  readonly trackRunningStats?: boolean;
}

/**
 * Batch normalization of images [N, C, H, W] over N, H, W. In training, `forward` assigns the running statistics: the mean, and
 * the unbiased variance.
 */
export class BatchNorm2d extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: Buffer | null;
  readonly running_var: Buffer | null;
  /** i32: how many batches the running statistics have seen. */
  readonly num_batches_tracked: Buffer | null;

  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super();
    const { eps = defaultEps, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(constant(1)([numFeatures])) : null;
    this.bias = affine ? new Parameter(constant(0)([numFeatures])) : null;
    this.running_mean = trackRunningStats ? new Buffer(constant(0)([numFeatures])) : null;
    this.running_var = trackRunningStats ? new Buffer(constant(1)([numFeatures])) : null;
    this.num_batches_tracked = trackRunningStats ? new Buffer(constant(0, 'i32')([])) : null;
  }

  forward(input: Tensor): Tensor {
    const [, channels] = sizesOf(input, 4, 'BatchNorm2d', 'images [N, C, H, W]');
    if (channels !== this.numFeatures)
      throw new RangeError(
        `BatchNorm2d: ${this.numFeatures} channels expected, got images of shape ${formatShape(input.shape)}`,
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
