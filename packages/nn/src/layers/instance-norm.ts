/** Instance normalization. */

import { formatShape, inSingle, moments, noGrad, type Tensor } from '@tessera/tensor';
import { requireShapes } from '../arguments.ts';
import { type Dims, withBatch } from '../sizes.ts';
import { batchNorm } from './batch-norm.ts';
import { alongChannels, defaultEps } from './moments.ts';
import { RunningNorm, type RunningNormOptions } from './running-statistics.ts';

export interface InstanceNormOptions {
  /** Whether each sample is normalized by its own statistics (default), or by the running ones. */
  readonly useInputStats?: boolean;
  /** running += momentum * (mean over the samples - running). */
  readonly momentum?: number;
  readonly eps?: number;
}

/**
 * (x - mean) / sqrt(var + eps) * weight + bias, with the statistics of each sample and channel over all positions (Ulyanov et al. 2016).
 * The variance is the biased one; the running variance is the mean of the samples' unbiased ones. Computed in f32 for f16 and bf16.
 *
 * @param input [N, C, ...]
 * @param runningMean [C], or null; assigned to if the input's own statistics are used
 * @param runningVariance [C], or null; assigned to if the input's own statistics are used
 * @param weight [C], or null
 * @param bias [C], or null
 * @throws RangeError if a sample has one value per channel only
 */
export function instanceNorm(
  input: Tensor,
  runningMean: Tensor | null = null,
  runningVariance: Tensor | null = null,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  { useInputStats = true, momentum = 0.1, eps = defaultEps }: InstanceNormOptions = {},
): Tensor {
  const [batch, channels] = input.shape;
  if (batch === undefined || channels === undefined || input.ndim < 3)
    throw new RangeError(`instanceNorm: needs an input [N, C, ...], got a tensor of shape ${formatShape(input.shape)}`);
  if (!useInputStats) return batchNorm(input, runningMean, runningVariance, weight, bias, { training: false, eps });
  const state = { 'running mean': runningMean, 'running variance': runningVariance, weight, bias };
  requireShapes('instanceNorm', state, [channels]);
  const count = input.size / (batch * channels);
  if (count === 1)
    throw new RangeError(
      `instanceNorm: needs more than one position per channel, got an input of shape ${formatShape(input.shape)}`,
    );
  return inSingle(input, (x) => {
    const axes = x.shape.map((_, axis) => axis).slice(2);
    const { mean, deviation, variance } = moments(x, axes);
    noGrad(() => {
      const blend = (running: Tensor | null, ofSamples: Tensor): void => {
        if (running === null) return;
        const value = ofSamples.mean(0).reshape([channels]).cast(running.dtype);
        running.assign(running.add(value.sub(running).mul(momentum)));
      };
      blend(runningMean, mean);
      blend(runningVariance, variance.mul(count / (count - 1)));
    });
    const scale = variance.add(eps).rsqrt();
    const scaled = deviation.mul(weight === null ? scale : scale.mul(alongChannels(weight, x.ndim)));
    return bias === null ? scaled : scaled.add(alongChannels(bias, x.ndim));
  });
}

export type InstanceNormLayerOptions = Omit<RunningNormOptions, 'momentum'> & { readonly momentum?: number };

/**
 * The base class of instance normalizations. Unlike batch normalization, there are no parameters and no running statistics unless `affine`
 * and `trackRunningStats` ask for them.
 */
abstract class InstanceNorm extends RunningNorm {
  readonly #op: string;
  readonly #dims: Dims;

  constructor(op: string, dims: Dims, numFeatures: number, options: InstanceNormLayerOptions) {
    super(numFeatures, {
      ...options,
      affine: options.affine ?? false,
      trackRunningStats: options.trackRunningStats ?? false,
    });
    this.#op = op;
    this.#dims = dims;
  }

  override forward(input: Tensor): Tensor {
    return withBatch(input, this.#dims, this.#op, (batch) => {
      if (batch.shape[1] !== this.numFeatures)
        throw new RangeError(
          `${this.#op}: ${this.numFeatures} channels expected, got an input of shape ${formatShape(input.shape)}`,
        );
      return instanceNorm(batch, this.running_mean, this.running_var, this.weight, this.bias, {
        useInputStats: this.training || this.running_mean === null,
        momentum: this.momentum ?? 0,
        eps: this.eps,
      });
    });
  }
}

/** Instance normalization of sequences [N, C, L] or [C, L] over L. */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super('InstanceNorm1d', 1, numFeatures, options);
  }
}

/** Instance normalization of images [N, C, H, W] or [C, H, W] over H and W. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super('InstanceNorm2d', 2, numFeatures, options);
  }
}

/** Instance normalization of volumes [N, C, D, H, W] or [C, D, H, W] over D, H and W. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormLayerOptions = {}) {
    super('InstanceNorm3d', 3, numFeatures, options);
  }
}
