/** Convolution of sequences, images and volumes. */
import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { requireFloats, requireOneOf, requireShapes, requireWhole } from '../arguments.ts';
import { kaimingUniform, uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { addBias } from '../precision.ts';
import { type Dims, type PerAxis, withBatch } from '../sizes.ts';
import { reachOf, slidingWindows, type WindowAxis, windowAxes } from '../vision/windows.ts';
import { convRepr } from './conv-repr.ts';
import { type PadMode, pad } from './padding.ts';

export interface ConvOptions<D extends Dims = 2> {
  readonly stride?: PerAxis<D>;
  /** Zeros around the input; 'same': as many as keep its size, at stride 1; 'valid': none. */
  readonly padding?: PerAxis<D> | 'same' | 'valid';
  readonly dilation?: PerAxis<D>;
  /** Splits the channels into groups that do not see each other. Must divide both channel counts. */
  readonly groups?: number;
}

export type Conv2dOptions = ConvOptions<2>;

/** Letters of einsum for positions and for places within a window. */
export const letters = { position: 'pqr', place: 'ijk' } as const;

/** The windows along each axis. If 'same' needs an odd number of zeros, the last one goes behind the input, as in PyTorch. */
function convAxes<D extends Dims>(
  dims: D,
  op: string,
  size: PerAxis<D>,
  { stride = 1, padding = 0, dilation = 1 }: ConvOptions<D>,
): WindowAxis[] {
  if (typeof padding === 'string') requireOneOf(op, 'a padding that is a word', padding, ['same', 'valid']);
  if (padding !== 'same')
    return windowAxes(dims, op, { size, stride, padding: padding === 'valid' ? 0 : padding, dilation });
  const axes = windowAxes(dims, op, { size, stride, dilation });
  if (axes.some((axis) => axis.stride !== 1))
    throw new RangeError(
      `${op}: padding 'same' needs stride 1, got ${axes.map((axis) => axis.stride).join(' x ')}; pass the padding as numbers`,
    );
  return axes.map((axis) => {
    const total = reachOf(axis) - 1;
    return { ...axis, before: Math.floor(total / 2), after: Math.ceil(total / 2) };
  });
}

/** The sizes of the window of a weight [O, C / groups, ...window]. */
export function windowOf<D extends Dims>(weight: Tensor, dims: D, op: string, expected: string): PerAxis<D> {
  if (weight.ndim !== dims + 2)
    throw new RangeError(`${op}: needs ${expected}, got a tensor of shape ${formatShape(weight.shape)}`);
  return weight.shape.slice(2) as readonly number[] as PerAxis<D>;
}

function convolve<D extends Dims>(
  dims: D,
  op: string,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvOptions<D>,
): Tensor {
  const { groups = 1 } = options;
  const size = windowOf(weight, dims, op, `a weight [O, C / groups, ${['w', 'h, w', 'd, h, w'][dims - 1]}]`);
  const [outChannels = 0, channels = 0] = weight.shape;
  const axes = convAxes(dims, op, size, options);
  requireFloats(op, { input, weight });
  requireWhole(op, { groups });
  if (bias !== null) requireShapes(op, { bias }, [outChannels]);
  return withBatch(input, dims, op, (x) => {
    const [n = 0, inChannels] = x.shape;
    if (inChannels !== channels * groups || outChannels % groups !== 0)
      throw new RangeError(
        `${op}: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)} with ${groups} groups: ` +
          `${inChannels} channels given, ${channels * groups} expected`,
      );
    const windows = slidingWindows(x, axes, op);
    const [position, place] = [letters.position.slice(0, dims), letters.place.slice(0, dims)];
    const output =
      groups === 1
        ? einsum(`nc${position}${place},oc${place}->no${position}`, windows, weight)
        : einsum(
            `ngc${position}${place},goc${place}->ngo${position}`,
            windows.unflatten(1, [groups, channels]),
            weight.unflatten(0, [groups, outChannels / groups]),
          ).reshape([n, outChannels, ...windows.shape.slice(2, 2 + dims)]);
    return bias === null ? output : addBias(output, bias.reshape([outChannels, ...axes.map(() => 1)]));
  });
}

/**
 * `conv2d` of sequences.
 *
 * @param input [N, C, L] or [C, L]
 * @param weight [O, C / groups, w]
 * @param bias [O], or null
 * @returns [N, O, L'] or [O, L']
 */
export const conv1d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvOptions<1> = {},
): Tensor => convolve(1, 'conv1d', input, weight, bias, options);

/**
 * Cross-correlation, which every framework calls convolution. With x's sliding windows as a view,
 *
 *     out[n, o, p, q] = bias[o] + sum_{c, i, j} windows[n, c, p, q, i, j] * weight[o, c, i, j]
 *
 * is one contraction; groups are one more batch axis of it.
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @param weight [O, C / groups, h, w]
 * @param bias [O], or null
 * @returns [N, O, H', W'] or [O, H', W']
 */
export const conv2d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvOptions<2> = {},
): Tensor => convolve(2, 'conv2d', input, weight, bias, options);

/**
 * `conv2d` of volumes.
 *
 * @param input [N, C, D, H, W] or [C, D, H, W]
 * @param weight [O, C / groups, d, h, w]
 * @param bias [O], or null
 * @returns [N, O, D', H', W'] or [O, D', H', W']
 */
export const conv3d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvOptions<3> = {},
): Tensor => convolve(3, 'conv3d', input, weight, bias, options);

export interface ConvLayerOptions<D extends Dims = 2> extends ConvOptions<D> {
  readonly bias?: boolean;
  /** What the padding consists of. Default: zeros. */
  readonly paddingMode?: 'zeros' | Exclude<PadMode, 'constant'>;
}

export type Conv2dLayerOptions = ConvLayerOptions<2>;

/** A weight and a bias that start as U(+-1 / sqrt(fan in)), as in PyTorch; the fan in is the weight's second size times its window. */
export function convParameters(
  shape: readonly number[],
  outChannels: number,
  bias: boolean,
): [Parameter, Parameter | null] {
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  return [
    new Parameter(kaimingUniform({ a: Math.sqrt(5) })(shape)),
    bias ? new Parameter(uniform(fanIn ** -0.5)([outChannels])) : null,
  ];
}

/** @throws RangeError unless both channel counts are whole numbers that the groups divide */
export function checkChannels(op: string, inChannels: number, outChannels: number, groups: number): void {
  for (const [what, n] of Object.entries({ inChannels, outChannels, groups }))
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`${op}: ${what} must be a whole number of at least 1, got ${n}`);
  if (inChannels % groups !== 0 || outChannels % groups !== 0)
    throw new RangeError(`${op}: ${groups} groups must divide ${inChannels} and ${outChannels} channels`);
}

/** The base class of convolutions. Weight [out, in / groups, ...window] and bias [out] start as U(+-1 / sqrt(in / groups * window)). */
abstract class Conv<D extends Dims> extends Module {
  readonly options: ConvOptions<D>;
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** Padding around the input that does not consist of zeros, in the order of `pad`. */
  readonly #repr: string;
  readonly #border: { readonly widths: readonly number[]; readonly mode: PadMode } | null;

  constructor(
    dims: D,
    op: string,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis<D>,
    options: ConvLayerOptions<D>,
  ) {
    super();
    const { bias = true, paddingMode = 'zeros', ...rest } = options;
    const { groups = 1 } = rest;
    requireOneOf(op, 'the paddingMode', paddingMode, ['zeros', 'reflect', 'replicate', 'circular']);
    checkChannels(op, inChannels, outChannels, groups);
    const axes = convAxes(dims, op, kernelSize, rest);
    this.options = rest;
    this.#border = null;
    if (paddingMode !== 'zeros') {
      // `pad` takes the last axis first.
      this.#border = { widths: axes.flatMap(({ before, after }) => [after, before]).reverse(), mode: paddingMode };
      this.options = { ...rest, padding: 0 };
    }
    const window = axes.map(({ size }) => size);
    [this.weight, this.bias] = convParameters([outChannels, inChannels / groups, ...window], outChannels, bias);
    this.#repr = convRepr([inChannels, outChannels], window, { ...options, bias });
  }

  /** The input with its border, if there is one that does not consist of zeros. */
  protected bordered(input: Tensor): Tensor {
    return this.#border === null ? input : pad(input, this.#border.widths, { mode: this.#border.mode });
  }

  abstract forward(input: Tensor): Tensor;

  override extraRepr(): string {
    return this.#repr;
  }
}

/** Convolution of sequences: [N, inChannels, L] to [N, outChannels, L'], or without N. */
export class Conv1d extends Conv<1> {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis<1>, options: ConvLayerOptions<1> = {}) {
    super(1, 'Conv1d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    return conv1d(this.bordered(input), this.weight, this.bias, this.options);
  }
}

/** Convolution of images: [N, inChannels, H, W] to [N, outChannels, H', W'], or without N. */
export class Conv2d extends Conv<2> {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis<2>, options: ConvLayerOptions<2> = {}) {
    super(2, 'Conv2d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    return conv2d(this.bordered(input), this.weight, this.bias, this.options);
  }
}

/** Convolution of volumes: [N, inChannels, D, H, W] to [N, outChannels, D', H', W'], or without N. */
export class Conv3d extends Conv<3> {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis<3>, options: ConvLayerOptions<3> = {}) {
    super(3, 'Conv3d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor): Tensor {
    return conv3d(this.bordered(input), this.weight, this.bias, this.options);
  }
}
