import type { Tensor } from '@tessera/tensor';
import { type Conv2dOptions, conv2d } from '../functional/conv.ts';
import { type Pair, pair } from '../functional/windows.ts';
import { kaimingUniform, uniform } from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';

export interface Conv2dLayerOptions extends Conv2dOptions {
  readonly bias?: boolean;
}

/**
 * Convolution of images: [N, inChannels, H, W] to [N, outChannels, H', W']. Weight [out, in / groups, h, w] and bias [out] start
 * as U(+-1 / sqrt(in / groups * h * w)).
 */
export class Conv2d extends Module {
  readonly options: Conv2dOptions;
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dLayerOptions = {}) {
    super();
    const { bias = true, ...rest } = options;
    const groups = rest.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new RangeError(`Conv2d: ${groups} groups must divide ${inChannels} and ${outChannels} channels`);
    const [h, w] = pair(kernelSize);
    const channels = inChannels / groups;
    this.options = rest;
    this.weight = new Parameter(kaimingUniform({ a: Math.sqrt(5) })([outChannels, channels, h, w]));
    this.bias = bias ? new Parameter(uniform((channels * h * w) ** -0.5)([outChannels])) : null;
  }

  forward(input: Tensor): Tensor {
    return conv2d(input, this.weight, this.bias, this.options);
  }
}
