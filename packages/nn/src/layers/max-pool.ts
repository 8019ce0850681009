/** Max pooling: the largest value of each window, and where it was. */
import { customGradient } from '@tessera/autograd';
import { iota, isFloat, noGrad, type Shape, sizeOf, type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';
import { type Dims, type PerAxis, withBatch, withBatches } from '../sizes.ts';
import { foldWindows, slidingWindows, type WindowAxis } from '../vision/windows.ts';
import { checkNotEmpty, type PoolOptions, poolAxes, requirePoolArguments, roundedUp } from './pooling-windows.ts';

export interface MaxPoolOptions<D extends Dims = 2> extends PoolOptions<D> {
  readonly dilation?: PerAxis<D>;
}

/** The result of max pooling with the positions of the maxima. */
export interface PooledWithIndices {
  readonly output: Tensor;
  /** i32, of the output's shape: where the maximum is among the positions of the input's channel, counted row by row. */
  readonly indices: Tensor;
}

/**
 * How many positions there are from each position to the last one, both included: i32 [1, 1, ...spatial]. The first of several positions
 * has the largest number, and padding, 0, comes after all of them.
 */
export function positionsLeft(spatial: Shape): Tensor {
  const count = sizeOf(spatial);
  return iota([count])
    .neg()
    .add(count)
    .reshape([1, 1, ...spatial]);
}

/**
 * Of the `candidates` along `axes`, the one that pooling chooses, as a number of `positionsLeft`: the last NaN, if there is one,
 * otherwise the first of the largest, as in PyTorch.
 *
 * @param left `positionsLeft` of the candidates
 * @param largest the maximum over `axes`, which are kept
 * @param count the number of positions of the input
 */
export function chosenPosition(
  candidates: Tensor,
  left: Tensor,
  largest: Tensor,
  axes: readonly number[],
  count: number,
): Tensor {
  const first = where(candidates.eq(largest), left, 0);
  if (!isFloat(candidates.dtype)) return first.max(axes);
  // NaNs come before all others, the last one first: numbers above `count`, which are then mapped back.
  const chosen = where(candidates.ne(candidates), left.neg().add(2 * count + 1), first).max(axes);
  return where(chosen.gt(count), chosen.neg().add(2 * count + 1), chosen);
}

/** Max pooling of a batch with these windows. `indices` is a function, because they cost a reduction that most do not need. */
export function maximaOf(
  op: string,
  input: Tensor,
  axes: readonly WindowAxis[],
): { readonly output: Tensor; readonly indices: () => Tensor } {
  checkNotEmpty(op, input);
  const spatial = input.shape.slice(2);
  const windowAxes = axes.map((_, k) => axes.length + 2 + k);
  const windows = (x: Tensor, padValue: number): Tensor => slidingWindows(x, axes, op, padValue);
  const sizes = axes.map(({ size }) => size);
  const inImage = { left: windows(positionsLeft(spatial), 0), count: sizeOf(spatial) };
  const inWindow = {
    left: positionsLeft(sizes).reshape([1, 1, ...axes.map(() => 1), ...sizes]),
    count: sizeOf(sizes),
  };
  const kept = (x: Tensor): Tensor => x.reshape([...x.shape, ...axes.map(() => 1)]);
  // The maximum is written down again and not taken from the output, which may have been rounded when it was stored. In one program it is
  // computed once.
  const chosen = (x: Tensor, { left, count }: typeof inImage): Tensor => {
    const candidates = windows(x, Number.NEGATIVE_INFINITY);
    return chosenPosition(candidates, left, candidates.max(windowAxes, true), windowAxes, count);
  };
  // The gradient goes to the position that was chosen. It needs that position only, and not the input again. Where nothing is padding, a
  // position in the window tells as much, and is the same number in all windows: loops then run along the rows of the image.
  const places = axes.some(({ before, after }) => before + after > 0) ? inImage : inWindow;
  const maximum = customGradient<[Tensor]>(
    (x) => windows(x, Number.NEGATIVE_INFINITY).max(windowAxes),
    (gradient, [x]) => [foldWindows(where(places.left.eq(kept(chosen(x, places))), kept(gradient), 0), spatial, axes)],
    op,
  );
  return { output: maximum(input), indices: () => noGrad(() => chosen(input, inImage).neg().add(inImage.count)) };
}

const pool = <D extends Dims>(dims: D, op: string, x: Tensor, size: PerAxis<D>, options: MaxPoolOptions<D>) =>
  maximaOf(op, x, roundedUp(poolAxes(dims, op, size, options), x.shape.slice(2), options.ceilMode ?? false));

const maxPool =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, size: PerAxis<D>, options: MaxPoolOptions<D> = {}): Tensor =>
    withBatch(input, dims, op, (x) => pool(dims, op, x, size, options).output);

const maxPoolWithIndices =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, size: PerAxis<D>, options: MaxPoolOptions<D> = {}): PooledWithIndices =>
    withBatches(input, dims, op, (x) => {
      const { output, indices } = pool(dims, op, x, size, options);
      return { output, indices: indices() };
    });

/** The largest value of each window: [N, C, L] to [N, C, L'], or without N. Padding never wins. */
export const maxPool1d = maxPool(1, 'maxPool1d');

/**
 * The largest value of each window; padding never wins. The gradient goes to the first of several largest values, and a NaN counts as
 * larger than every number, as in PyTorch.
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @returns [N, C, H', W'] or [C, H', W'], with H' = floor((H + 2 padding - dilation (h - 1) - 1) / stride) + 1, rounded up with `ceilMode`
 */
export const maxPool2d = maxPool(2, 'maxPool2d');

/** The largest value of each window: [N, C, D, H, W] to [N, C, D', H', W'], or without N. Padding never wins. */
export const maxPool3d = maxPool(3, 'maxPool3d');

/** `maxPool1d` and the positions of the maxima. */
export const maxPool1dWithIndices = maxPoolWithIndices(1, 'maxPool1dWithIndices');

/** `maxPool2d` and the positions of the maxima, row * W + column, as PyTorch's `return_indices=True`. */
export const maxPool2dWithIndices = maxPoolWithIndices(2, 'maxPool2dWithIndices');

/** `maxPool3d` and the positions of the maxima. */
export const maxPool3dWithIndices = maxPoolWithIndices(3, 'maxPool3dWithIndices');

abstract class MaxPool<D extends Dims> extends Module {
  readonly kernelSize: PerAxis<D>;
  readonly options: MaxPoolOptions<D>;

  constructor(kernelSize: PerAxis<D>, options: MaxPoolOptions<D> = {}) {
    super();
    requirePoolArguments(new.target.name, kernelSize, options);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  abstract forward(input: Tensor): Tensor;
  /** The output and the positions of the maxima: PyTorch's `return_indices=True`. */
  abstract withIndices(input: Tensor): PooledWithIndices;

  override extraRepr(): string {
    const { kernelSize, options } = this;
    const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
    return settings({ kernelSize, stride, padding, dilation, ceilMode });
  }
}

/** The largest value of each window: [N, C, L] to [N, C, L'], or without N. */
export class MaxPool1d extends MaxPool<1> {
  override forward(input: Tensor): Tensor {
    return maxPool1d(input, this.kernelSize, this.options);
  }

  override withIndices(input: Tensor): PooledWithIndices {
    return maxPool1dWithIndices(input, this.kernelSize, this.options);
  }
}

/** The largest value of each window: [N, C, H, W] to [N, C, H', W'], or without N. */
export class MaxPool2d extends MaxPool<2> {
  override forward(input: Tensor): Tensor {
    return maxPool2d(input, this.kernelSize, this.options);
  }

  override withIndices(input: Tensor): PooledWithIndices {
    return maxPool2dWithIndices(input, this.kernelSize, this.options);
  }
}

/** The largest value of each window: [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export class MaxPool3d extends MaxPool<3> {
  override forward(input: Tensor): Tensor {
    return maxPool3d(input, this.kernelSize, this.options);
  }

  override withIndices(input: Tensor): PooledWithIndices {
    return maxPool3dWithIndices(input, this.kernelSize, this.options);
  }
}
