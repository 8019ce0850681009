/** Transposed convolution of sequences, images and volumes: the adjoint of convolution. */
import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { requireFloats, requireShapes, requireWhole } from '../arguments.ts';
import { Module } from '../module/module.ts';
import type { Parameter } from '../module/parameter.ts';
import { nth } from '../nth.ts';
import { addBias } from '../precision.ts';
import { type Dims, type PerAxis, perAxis, withBatch } from '../sizes.ts';
import { foldWindows, reachOf, type WindowAxis, windowAxes } from '../vision/windows.ts';
import { convRepr } from './conv-repr.ts';
import { checkChannels, convParameters, letters, windowOf } from './convolution.ts';

export interface ConvTransposeOptions<D extends Dims = 2> {
  readonly stride?: PerAxis<D>;
  /** What the convolution that this is the adjoint of pads; it is cut off the output. */
  readonly padding?: PerAxis<D>;
  /** Added to the output's size behind each axis. Convolutions of different sizes have outputs of the same size: this chooses one. */
  readonly outputPadding?: PerAxis<D>;
  readonly dilation?: PerAxis<D>;
  readonly groups?: number;
}

interface OutputAxis extends WindowAxis {
  readonly outputPadding: number;
}

function outputAxes<D extends Dims>(
  dims: D,
  op: string,
  size: PerAxis<D>,
  { stride = 1, padding = 0, outputPadding = 0, dilation = 1 }: ConvTransposeOptions<D>,
): OutputAxis[] {
  const extra = perAxis(outputPadding, dims, op, 'the output padding', 0);
  return windowAxes(dims, op, { size, stride, padding, dilation }).map((axis, k) => {
    const added = nth(extra, k);
    if (added >= Math.max(axis.stride, axis.dilation))
      throw new RangeError(
        `${op}: the output padding must be smaller than the stride or the dilation, got ${added} ` +
          `for stride ${axis.stride} and dilation ${axis.dilation}`,
      );
    return { ...axis, outputPadding: added };
  });
}

function convolveTransposed<D extends Dims>(
  dims: D,
  op: string,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvTransposeOptions<D>,
): Tensor {
  const { groups = 1 } = options;
  const size = windowOf(weight, dims, op, `a weight [C, O / groups, ${['w', 'h, w', 'd, h, w'][dims - 1]}]`);
  const [channels = 0, outPerGroup = 0] = weight.shape;
  const outChannels = outPerGroup * groups;
  const axes = outputAxes(dims, op, size, options);
  requireFloats(op, { input, weight });
  requireWhole(op, { groups });
  if (bias !== null) requireShapes(op, { bias }, [outChannels]);
  return withBatch(input, dims, op, (x) => {
    const [, inChannels] = x.shape;
    if (inChannels !== channels || channels % groups !== 0)
      throw new RangeError(
        `${op}: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)} with ${groups} groups: ` +
          `${inChannels} channels given, ${channels} expected`,
      );
    // Without padding, window p covers the output from p * stride on.
    const whole = axes.map((axis, k) => (nth(x.shape, k + 2) - 1) * axis.stride + reachOf(axis));
    const shape = whole.map((length, k) => length + nth(axes, k).outputPadding - 2 * nth(axes, k).before);
    if (shape.some((length) => length < 0))
      throw new RangeError(
        `${op}: input ${formatShape(input.shape)} would have an output of size ${formatShape(shape)}`,
      );
    const [position, place] = [letters.position.slice(0, dims), letters.place.slice(0, dims)];
    const contribution =
      groups === 1
        ? einsum(`nc${position},co${place}->no${position}${place}`, x, weight)
        : einsum(
            `ngc${position},gco${place}->ngo${position}${place}`,
            x.unflatten(1, [groups, channels / groups]),
            weight.unflatten(0, [groups, channels / groups]),
          ).flatten(1, 2);
    const unpadded = axes.map((axis) => ({ ...axis, before: 0, after: 0 }));
    const folded = foldWindows(contribution, whole, unpadded);
    const behind = axes.map(({ outputPadding, before }) => Math.max(0, outputPadding - before));
    const padded = behind.every((length) => length === 0)
      ? folded
      : folded.pad([[0, 0], [0, 0], ...behind.map((length) => [0, length] as const)]);
    const output = axes.reduce((y, { before }, k) => y.slice(k + 2, before, before + nth(shape, k)), padded);
    return bias === null ? output : addBias(output, bias.reshape([outChannels, ...axes.map(() => 1)]));
  });
}

/**
 * `convTranspose2d` of sequences.
 *
 * @param input [N, C, L] or [C, L]
 * @param weight [C, O / groups, w]
 * @param bias [O], or null
 * @returns [N, O, L'] or [O, L']
 */
export const convTranspose1d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTransposeOptions<1> = {},
): Tensor => convolveTransposed(1, 'convTranspose1d', input, weight, bias, options);

/**
 * The adjoint of `conv2d` with the same weight (Zeiler et al. 2010): every input value adds a multiple of the window to the output,
 *
 *     out[n, o, stride p + dilation i - padding, stride q + dilation j - padding] += input[n, c, p, q] * weight[c, o, i, j]
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @param weight [C, O / groups, h, w]
 * @param bias [O], or null
 * @returns [N, O, H', W'] or [O, H', W'], with H' = (H - 1) stride - 2 padding + dilation (h - 1) + outputPadding + 1
 */
export const convTranspose2d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTransposeOptions<2> = {},
): Tensor => convolveTransposed(2, 'convTranspose2d', input, weight, bias, options);

/**
 * `convTranspose2d` of volumes.
 *
 * @param input [N, C, D, H, W] or [C, D, H, W]
 * @param weight [C, O / groups, d, h, w]
 * @param bias [O], or null
 * @returns [N, O, D', H', W'] or [O, D', H', W']
 */
export const convTranspose3d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: ConvTransposeOptions<3> = {},
): Tensor => convolveTransposed(3, 'convTranspose3d', input, weight, bias, options);

export interface ConvTransposeLayerOptions<D extends Dims = 2> extends ConvTransposeOptions<D> {
  readonly bias?: boolean;
}

/**
 * The base class of transposed convolutions. Weight [in, out / groups, ...window] and bias [out] start as
 * U(+-1 / sqrt(out / groups * window)), as in PyTorch.
 */
abstract class ConvTranspose<D extends Dims> extends Module {
  readonly options: ConvTransposeOptions<D>;
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #repr: string;
  readonly #dims: D;
  readonly #op: string;

  constructor(
    dims: D,
    op: string,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis<D>,
    options: ConvTransposeLayerOptions<D>,
  ) {
    super();
    const { bias = true, ...rest } = options;
    const { groups = 1 } = rest;
    checkChannels(op, inChannels, outChannels, groups);
    const window = outputAxes(dims, op, kernelSize, rest).map(({ size }) => size);
    this.#dims = dims;
    this.#op = op;
    this.options = rest;
    [this.weight, this.bias] = convParameters([inChannels, outChannels / groups, ...window], outChannels, bias);
    this.#repr = convRepr([inChannels, outChannels], window, { ...options, bias });
  }

  /** The options that make an output of this size: of all sizes that a convolution takes to the input's. */
  protected optionsFor(input: Tensor, outputSize: PerAxis<D> | undefined): ConvTransposeOptions<D> {
    if (outputSize === undefined) return this.options;
    const size = windowOf(this.weight, this.#dims, this.#op, 'a weight');
    const wanted = perAxis(outputSize, this.#dims, this.#op, "the output's size", 1);
    const spatial = input.shape.slice(-this.#dims);
    const axes = outputAxes(this.#dims, this.#op, size, { ...this.options, outputPadding: 0 });
    const outputPadding = axes.map((axis, k) => {
      const least = (nth(spatial, k) - 1) * axis.stride + reachOf(axis) - 2 * axis.before;
      const added = nth(wanted, k) - least;
      if (added < 0 || added >= axis.stride)
        throw new RangeError(
          `${this.#op}: an input of size ${formatShape(spatial)} cannot have an output of size ${formatShape(wanted)}: ` +
            `axis ${k} can have ${least} to ${least + axis.stride - 1}`,
        );
      return added;
    });
    return { ...this.options, outputPadding: outputPadding as readonly number[] as PerAxis<D> };
  }

  /** `outputSize` takes the place of `outputPadding`. */
  abstract forward(input: Tensor, outputSize?: PerAxis<D>): Tensor;

  override extraRepr(): string {
    return this.#repr;
  }
}

/** Transposed convolution of sequences: [N, inChannels, L] to [N, outChannels, L'], or without N. */
export class ConvTranspose1d extends ConvTranspose<1> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis<1>,
    options: ConvTransposeLayerOptions<1> = {},
  ) {
    super(1, 'ConvTranspose1d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: PerAxis<1>): Tensor {
    return convTranspose1d(input, this.weight, this.bias, this.optionsFor(input, outputSize));
  }
}

/** Transposed convolution of images: [N, inChannels, H, W] to [N, outChannels, H', W'], or without N. */
export class ConvTranspose2d extends ConvTranspose<2> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis<2>,
    options: ConvTransposeLayerOptions<2> = {},
  ) {
    super(2, 'ConvTranspose2d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: PerAxis<2>): Tensor {
    return convTranspose2d(input, this.weight, this.bias, this.optionsFor(input, outputSize));
  }
}

/** Transposed convolution of volumes: [N, inChannels, D, H, W] to [N, outChannels, D', H', W'], or without N. */
export class ConvTranspose3d extends ConvTranspose<3> {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis<3>,
    options: ConvTransposeLayerOptions<3> = {},
  ) {
    super(3, 'ConvTranspose3d', inChannels, outChannels, kernelSize, options);
  }

  override forward(input: Tensor, outputSize?: PerAxis<3>): Tensor {
    return convTranspose3d(input, this.weight, this.bias, this.optionsFor(input, outputSize));
  }
}
