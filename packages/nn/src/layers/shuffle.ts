/** Moves between channels and pixels, and between groups of channels. */

import { formatShape, type Tensor } from '@tessera/tensor';
import { requireWhole } from '../arguments.ts';
import { Module } from '../module/module.ts';

/** The leading axes, channels, height and width of images. */
function imageSizes(op: string, input: Tensor, factor: number): [number[], number, number, number] {
  if (!Number.isInteger(factor) || factor < 1)
    throw new RangeError(`${op}: the factor must be a whole number of at least 1, got ${factor}`);
  if (input.ndim < 3)
    throw new RangeError(`${op}: needs images [..., C, H, W], got a tensor of shape ${formatShape(input.shape)}`);
  const [channels = 0, height = 0, width = 0] = input.shape.slice(-3);
  return [input.shape.slice(0, -3), channels, height, width];
}

const leading = (lead: readonly number[]): number[] => lead.map((_, axis) => axis);

/**
 * Makes larger images of channels (Shi et al. 2016, equation 4): every r x r pixels come from r^2 channels.
 *
 * @param input [..., C r^2, H, W]
 * @returns [..., C, H r, W r]
 */
export function pixelShuffle(input: Tensor, upscaleFactor: number): Tensor {
  const r = upscaleFactor;
  const [lead, channels, height, width] = imageSizes('pixelShuffle', input, r);
  if (channels % (r * r) !== 0)
    throw new RangeError(
      `pixelShuffle: the channels of ${formatShape(input.shape)} must be a multiple of ${r} * ${r}, got ${channels}`,
    );
  const k = lead.length;
  const c = channels / (r * r);
  return input
    .reshape([...lead, c, r, r, height, width])
    .permute([...leading(lead), k, k + 3, k + 1, k + 4, k + 2])
    .reshape([...lead, c, height * r, width * r]);
}

/**
 * Makes channels of pixels: the inverse of `pixelShuffle`.
 *
 * @param input [..., C, H r, W r]
 * @returns [..., C r^2, H, W]
 */
export function pixelUnshuffle(input: Tensor, downscaleFactor: number): Tensor {
  const r = downscaleFactor;
  const [lead, channels, height, width] = imageSizes('pixelUnshuffle', input, r);
  if (height % r !== 0 || width % r !== 0)
    throw new RangeError(`pixelUnshuffle: height and width of ${formatShape(input.shape)} must be multiples of ${r}`);
  const k = lead.length;
  return input
    .reshape([...lead, channels, height / r, r, width / r, r])
    .permute([...leading(lead), k, k + 2, k + 4, k + 1, k + 3])
    .reshape([...lead, channels * r * r, height / r, width / r]);
}

/**
 * Mixes the groups of a grouped convolution (Zhang et al. 2018): the channels [groups, C / groups] are transposed.
 *
 * @param input [N, C, ...]
 */
export function channelShuffle(input: Tensor, groups: number): Tensor {
  const [n, channels, ...rest] = input.shape;
  if (n === undefined || channels === undefined || rest.length === 0)
    throw new RangeError(
      `channelShuffle: needs an input [N, C, L] or with more axes, got a tensor of shape ${formatShape(input.shape)}`,
    );
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new RangeError(`channelShuffle: ${groups} groups must divide ${channels} channels`);
  return input
    .reshape([n, groups, channels / groups, ...rest])
    .transpose(1, 2)
    .reshape(input.shape);
}

/** Makes larger images of channels: [..., C r^2, H, W] to [..., C, H r, W r]. */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    requireWhole('PixelShuffle', { upscaleFactor });
    this.upscaleFactor = upscaleFactor;
  }

  forward(input: Tensor): Tensor {
    return pixelShuffle(input, this.upscaleFactor);
  }
}

/** Makes channels of pixels: [..., C, H r, W r] to [..., C r^2, H, W]. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    requireWhole('PixelUnshuffle', { downscaleFactor });
    this.downscaleFactor = downscaleFactor;
  }

  forward(input: Tensor): Tensor {
    return pixelUnshuffle(input, this.downscaleFactor);
  }
}

/** Mixes groups of channels: [N, C, ...] to the same shape. */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    requireWhole('ChannelShuffle', { groups });
    this.groups = groups;
  }

  forward(input: Tensor): Tensor {
    return channelShuffle(input, this.groups);
  }
}
