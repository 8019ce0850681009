/** The inverse of max pooling, from the maxima and their positions. */
import { customGradient } from '@tessera/autograd';
import { formatShape, sizeOf, type Tensor, zeros } from '@tessera/tensor';
import { requireIntegers, requireSameShape, requireTensors } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { nth } from '../nth.ts';
import { type Dims, type PerAxis, perAxis, withBatch } from '../sizes.ts';
import { windowAxes } from '../vision/windows.ts';

export interface MaxUnpoolOptions<D extends Dims = 2> {
  /** Default: the window's size. */
  readonly stride?: PerAxis<D>;
  readonly padding?: PerAxis<D>;
  /** Of the spatial axes: inputs of several sizes have outputs of one size. Default: (H - 1) stride - 2 padding + size. */
  readonly outputSize?: PerAxis<D>;
}

/** The sizes of the spatial axes of the output. */
function outputSizes<D extends Dims>(
  dims: D,
  op: string,
  spatial: readonly number[],
  size: PerAxis<D>,
  { stride = size, padding = 0, outputSize }: MaxUnpoolOptions<D>,
): readonly number[] {
  const axes = windowAxes(dims, op, { size, stride, padding });
  const usual = axes.map((axis, k) => (nth(spatial, k) - 1) * axis.stride - 2 * axis.before + axis.size);
  if (outputSize === undefined) return usual;
  const wanted = perAxis(outputSize, dims, op, "the output's size", 1);
  for (const [k, n] of wanted.entries())
    if (Math.abs(n - nth(usual, k)) >= nth(axes, k).stride)
      throw new RangeError(
        `${op}: an input of size ${formatShape(spatial)} cannot have an output of size ${formatShape(wanted)}: ` +
          `axis ${k} must differ from ${nth(usual, k)} by less than the stride ${nth(axes, k).stride}`,
      );
  return wanted;
}

const maxUnpool =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, indices: Tensor, size: PerAxis<D>, options: MaxUnpoolOptions<D> = {}): Tensor => {
    requireTensors(op, { input, indices });
    requireSameShape(op, ['input', 'indices'], input, indices);
    requireIntegers(op, 'indices', indices);
    return withBatch(input, dims, op, (x) => {
      const output = outputSizes(dims, op, x.shape.slice(2), size, options);
      if (output.some((n) => n < 1))
        throw new RangeError(
          `${op}: input ${formatShape(input.shape)} would have an output of size ${formatShape(output)}`,
        );
      const lead = x.shape.slice(0, 2);
      const positions = indices.reshape(x.shape).flatten(2);
      // As in PyTorch, every value gets the gradient of its position, also one that another has replaced.
      const place = customGradient<[Tensor]>(
        (values) => zeros([...lead, sizeOf(output)], { dtype: x.dtype }).scatter(2, positions, values),
        (gradient) => [gradient.takeAlongAxis(2, positions)],
        op,
      );
      return place(x.flatten(2)).reshape([...lead, ...output]);
    });
  };

/** Puts the values of `maxPool1dWithIndices` back to their positions. */
export const maxUnpool1d = maxUnpool(1, 'maxUnpool1d');

/**
 * Puts values back to the positions from which max pooling took them; all others are 0. If a position occurs several times, the last value
 * counts.
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @param indices of `maxPool2dWithIndices`, in the input's shape: row * width of the output + column
 * @param size the window of the pooling
 * @returns [N, C, H', W'] or [C, H', W']
 * @throws RangeError if shapes do not fit, or `outputSize` is none that the pooling could have had
 */
export const maxUnpool2d = maxUnpool(2, 'maxUnpool2d');

/** Puts the values of `maxPool3dWithIndices` back to their positions. */
export const maxUnpool3d = maxUnpool(3, 'maxUnpool3d');

abstract class MaxUnpool<D extends Dims> extends Module {
  readonly kernelSize: PerAxis<D>;
  readonly options: Omit<MaxUnpoolOptions<D>, 'outputSize'>;

  constructor(kernelSize: PerAxis<D>, options: Omit<MaxUnpoolOptions<D>, 'outputSize'> = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  protected optionsFor(outputSize: PerAxis<D> | undefined): MaxUnpoolOptions<D> {
    return outputSize === undefined ? this.options : { ...this.options, outputSize };
  }

  abstract forward(input: Tensor, indices: Tensor, outputSize?: PerAxis<D>): Tensor;
}

/** Puts the maxima of MaxPool1d back: [N, C, L] and their indices to [N, C, L'], or without N. */
export class MaxUnpool1d extends MaxUnpool<1> {
  override forward(input: Tensor, indices: Tensor, outputSize?: PerAxis<1>): Tensor {
    return maxUnpool1d(input, indices, this.kernelSize, this.optionsFor(outputSize));
  }
}

/** Puts the maxima of MaxPool2d back: [N, C, H, W] and their indices to [N, C, H', W'], or without N. */
export class MaxUnpool2d extends MaxUnpool<2> {
  override forward(input: Tensor, indices: Tensor, outputSize?: PerAxis<2>): Tensor {
    return maxUnpool2d(input, indices, this.kernelSize, this.optionsFor(outputSize));
  }
}

/** Puts the maxima of MaxPool3d back: [N, C, D, H, W] and their indices to [N, C, D', H', W'], or without N. */
export class MaxUnpool3d extends MaxUnpool<3> {
  override forward(input: Tensor, indices: Tensor, outputSize?: PerAxis<3>): Tensor {
    return maxUnpool3d(input, indices, this.kernelSize, this.optionsFor(outputSize));
  }
}
