/** Convolution of images. */
import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { kaimingUniform, uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { addBias } from '../precision.ts';
import { sizesOf } from '../sizes.ts';
import { type Pair, pair, windows2d } from '../vision/windows.ts';

export interface Conv2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  /** Splits the channels into groups that do not see each other. Must divide both channel counts. */
  readonly groups?: number;
}

/**
 * Cross-correlation, which every framework calls convolution. With x's sliding windows as a view,
 *
 *     out[n, o, p, q] = bias[o] + sum_{c, i, j} windows[n, c, p, q, i, j] * weight[o, c, i, j]
 *
 * is one contraction; groups are one more batch axis of it.
 *
 * @param input [N, C, H, W]
 * @param weight [O, C / groups, h, w]
 * @param bias [O]
 * @returns [N, O, H', W']
 */
export function conv2d(input: Tensor, weight: Tensor, bias: Tensor | null = null, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [outChannels, channels, h, w] = sizesOf(weight, 4, 'conv2d', 'a weight [O, C / groups, h, w]');
  const windows = windows2d(input, { size: [h, w], stride, padding, dilation }, 'conv2d');
  const [n, inChannels] = sizesOf(input, 4, 'conv2d', 'images [N, C, H, W]');
  if (inChannels !== channels * groups || outChannels % groups !== 0)
    throw new RangeError(
      `conv2d: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)} with ${groups} groups: ` +
        `${inChannels} channels given, ${channels * groups} expected`,
    );
  const output =
    groups === 1
      ? einsum('ncpqij,ocij->nopq', windows, weight)
      : einsum(
          'ngcpqij,gocij->ngopq',
          windows.unflatten(1, [groups, channels]),
          weight.unflatten(0, [groups, outChannels / groups]),
        ).reshape([n, outChannels, ...windows.shape.slice(2, 4)]);
  return bias === null ? output : addBias(output, bias.reshape([outChannels, 1, 1]));
}

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
