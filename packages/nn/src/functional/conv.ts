import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { addBias } from './precision.ts';
import { type Pair, windows2d } from './windows.ts';

export interface Conv2dOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  /** Splits the channels into groups that do not see each other. Must divide both channel counts. */
  readonly groups?: number;
}

/**
 * Cross-correlation, as every framework's convolution. With x's sliding windows as a view,
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
  if (weight.ndim !== 4)
    throw new RangeError(`conv2d: the weight must be [O, C / groups, h, w], got ${formatShape(weight.shape)}`);
  const [outChannels, channels, h, w] = weight.shape as [number, number, number, number];
  const windows = windows2d(input, { size: [h, w], stride, padding, dilation }, 'conv2d');
  const [n, inChannels] = windows.shape as [number, number];
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
