/** The state of normalization layers that may keep running statistics: batch and instance normalization. */

import type { Tensor } from '@tessera/tensor';
import { requireWhole } from '../arguments.ts';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Buffer, Parameter } from '../module/parameter.ts';
import { settings } from '../module/print-module.ts';
import { defaultEps } from './moments.ts';

export interface RunningNormOptions {
  readonly eps?: number;
  /** Weight of the batch in the running statistics; null: they are the mean over all batches so far. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias. */
  readonly affine?: boolean;
  /** `false` leaves the bias out. */
  readonly bias?: boolean;
  /** Whether there are running statistics, which evaluation then uses. */
  readonly trackRunningStats?: boolean;
}

/** Parameters [C] and running statistics [C] under PyTorch's names. Weight and running variance start at 1, the others at 0. */
export abstract class RunningNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: Buffer | null;
  readonly running_var: Buffer | null;
  /** i32: how many batches the running statistics have seen. */
  readonly num_batches_tracked: Buffer | null;

  constructor(numFeatures: number, options: RunningNormOptions & { affine: boolean; trackRunningStats: boolean }) {
    super();
    const { eps = defaultEps, momentum = 0.1, affine, bias = true, trackRunningStats } = options;
    requireWhole(new.target.name, { numFeatures });
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? new Parameter(constant(1)([numFeatures])) : null;
    this.bias = affine && bias ? new Parameter(constant(0)([numFeatures])) : null;
    this.running_mean = trackRunningStats ? new Buffer(constant(0)([numFeatures])) : null;
    this.running_var = trackRunningStats ? new Buffer(constant(1)([numFeatures])) : null;
    this.num_batches_tracked = trackRunningStats ? new Buffer(constant(0, 'i32')([])) : null;
  }

  abstract forward(input: Tensor): Tensor;

  override extraRepr(): string {
    const { numFeatures, eps, momentum, weight, bias, running_mean } = this;
    const affine = { affine: weight !== null, bias: bias !== null, track_running_stats: running_mean !== null };
    return `${numFeatures}, ${settings({ eps, momentum, ...affine })}`;
  }
}
