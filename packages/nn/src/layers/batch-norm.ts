import { formatShape, type Tensor } from '@tessera/tensor';
import { batchNorm, defaultEps } from '../functional/normalization.ts';
import { constant } from '../init.ts';
import { Module } from '../module.ts';
import { Buffer, Parameter } from '../parameter.ts';

export interface BatchNormLayerOptions {
  readonly eps?: number;
  /** Share of the batch in the running statistics; null: the mean over all batches so far. */
  readonly momentum?: number | null;
  /** Weight and bias. */
  readonly affine?: boolean;
  /** Without running statistics the batch's own serve in evaluation too. */
  readonly trackRunningStats?: boolean;
}

/**
 * Batch normalisation of images [N, C, H, W] over N, H, W. In training, `forward` assigns the running statistics: the mean, and
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
    if (input.ndim !== 4)
      throw new RangeError(`BatchNorm2d: needs images [N, C, H, W], got a tensor of shape ${formatShape(input.shape)}`);
    if (input.shape[1] !== this.numFeatures)
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
