/** Group normalization. */

import { formatShape, inSingle, sizeOf, type Tensor } from '@tessera/tensor';
import { requireShapes, requireWhole } from '../arguments.ts';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { settings } from '../module/print-module.ts';
import { alongChannels, defaultEps, standardize } from './moments.ts';

/**
 * (x - mean) / sqrt(var + eps) * weight + bias, with the statistics of each sample's groups of channels, over the channels of the group
 * and all positions (Wu and He 2018). The variance is the biased one. Computed in f32 for f16 and bf16.
 *
 * @param input [N, C, ...]
 * @param groups divides C
 * @param weight [C], or null
 * @param bias [C], or null
 * @throws RangeError if the groups do not divide the channels, or a group has one value only
 */
export function groupNorm(
  input: Tensor,
  groups: number,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  eps: number = defaultEps,
): Tensor {
  const [batch, channels] = input.shape;
  if (batch === undefined || channels === undefined)
    throw new RangeError(`groupNorm: needs an input [N, C, ...], got a tensor of shape ${formatShape(input.shape)}`);
  checkGroups('groupNorm', groups, channels);
  requireShapes('groupNorm', { weight, bias }, [channels]);
  // As in PyTorch, which counts the values of all samples.
  if (input.size === groups || input.shape.slice(1).includes(0))
    throw new RangeError(
      `groupNorm: needs more than one value per group, got an input of shape ${formatShape(input.shape)} for ${groups} groups`,
    );
  return inSingle(input, (x) => {
    const grouped = x.reshape([batch, groups, sizeOf([channels / groups, ...x.shape.slice(2)])]);
    const normalized = standardize(grouped, [2], eps).reshape(x.shape);
    const scaled = weight === null ? normalized : normalized.mul(alongChannels(weight, x.ndim));
    return bias === null ? scaled : scaled.add(alongChannels(bias, x.ndim));
  });
}

function checkGroups(op: string, groups: number, channels: number): void {
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new RangeError(`${op}: ${groups} groups must divide ${channels} channels`);
}

export interface GroupNormOptions {
  readonly eps?: number;
  /** Whether there are a weight and a bias. */
  readonly affine?: boolean;
  /** `false` leaves the bias out. */
  readonly bias?: boolean;
}

/** Group normalization of [N, numChannels, ...], in f32 or wider: weight [C] starts at 1, bias [C] at 0. */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, options: GroupNormOptions = {}) {
    super();
    const { eps = defaultEps, affine = true, bias = true } = options;
    requireWhole('GroupNorm', { numGroups, numChannels });
    checkGroups('GroupNorm', numGroups, numChannels);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? new Parameter(constant(1)([numChannels])) : null;
    this.bias = affine && bias ? new Parameter(constant(0)([numChannels])) : null;
  }

  forward(input: Tensor): Tensor {
    if (input.shape[1] !== this.numChannels)
      throw new RangeError(
        `GroupNorm: ${this.numChannels} channels expected, got an input of shape ${formatShape(input.shape)}`,
      );
    return groupNorm(input, this.numGroups, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, weight, bias } = this;
    return `${numGroups}, ${numChannels}, ${settings({ eps, affine: weight !== null, bias: bias !== null })}`;
  }
}
