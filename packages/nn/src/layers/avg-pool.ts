/** Average pooling: the mean of each window. */
import { inSingle, iota, type Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';
import { nth } from '../nth.ts';
import { type Dims, type PerAxis, withBatch } from '../sizes.ts';
import { positionsOf, slidingWindows, type WindowAxis } from '../vision/windows.ts';
import { checkNotEmpty, type PoolOptions, poolAxes, requirePoolArguments, roundedUp } from './pooling-windows.ts';

export interface AvgPoolOptions<D extends Dims = 2> extends PoolOptions<D> {
  /** Whether the zeros of the padding count in the mean. Default: true. What `ceilMode` adds behind the padding never counts. */
  readonly countIncludePad?: boolean;
  /** Divides the sum by this number, whatever the size of the window. */
  readonly divisorOverride?: number;
}

function pool<D extends Dims>(
  dims: D,
  op: string,
  input: Tensor,
  size: PerAxis<D>,
  options: AvgPoolOptions<D>,
): Tensor {
  const { ceilMode = false, countIncludePad = true, divisorOverride } = options;
  checkNotEmpty(op, input);
  const spatial = input.shape.slice(2);
  const given = poolAxes(dims, op, size, options);
  const axes = roundedUp(given, spatial, ceilMode);
  const windowAxes = axes.map((_, k) => dims + 2 + k);
  const windows = slidingWindows(input, axes, op);
  if (divisorOverride !== undefined) {
    if (divisorOverride === 0) throw new RangeError(`${op}: divisorOverride must not be 0`);
    return inSingle(windows, (x) => x.sum(windowAxes).div(divisorOverride));
  }
  // Where a window has something that does not count, its number of elements depends on its position.
  const partial = given.map(({ before, after }, k) => nth(axes, k).after > after || (!countIncludePad && before > 0));
  if (!partial.includes(true)) return windows.mean(windowAxes);
  return inSingle(windows, (x) => {
    const counts = given.map((axis, k) => {
      const length = nth(spatial, k);
      const shape = x.shape.slice(0, dims + 2).map((_, at) => (at === k + 2 ? positionsOf(nth(axes, k), length) : 1));
      return elementsAt(iota(shape, k + 2), axis, length, countIncludePad);
    });
    return x.sum(windowAxes).div(counts.reduce((a, b) => a.mul(b)).cast(x.dtype));
  });
}

/** How many elements of the window at each position count. i32. */
function elementsAt(
  position: Tensor,
  { size, stride, before, after }: WindowAxis,
  length: number,
  padding: boolean,
): Tensor {
  const start = position.mul(stride).sub(before);
  const end = start.add(size).minimum(padding ? length + after : length);
  return end.sub(padding ? start : start.maximum(0));
}

const avgPool =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, size: PerAxis<D>, options: AvgPoolOptions<D> = {}): Tensor =>
    withBatch(input, dims, op, (x) => pool(dims, op, x, size, options));

/** The mean of each window: [N, C, L] to [N, C, L'], or without N. */
export const avgPool1d = avgPool(1, 'avgPool1d');

/**
 * The mean of each window.
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @returns [N, C, H', W'] or [C, H', W'], with H' = floor((H + 2 padding - h) / stride) + 1, rounded up with `ceilMode`
 */
export const avgPool2d = avgPool(2, 'avgPool2d');

/** The mean of each window: [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export const avgPool3d = avgPool(3, 'avgPool3d');

abstract class AvgPool<D extends Dims> extends Module {
  readonly kernelSize: PerAxis<D>;
  readonly options: AvgPoolOptions<D>;

  constructor(kernelSize: PerAxis<D>, options: AvgPoolOptions<D> = {}) {
    super();
    requirePoolArguments(new.target.name, kernelSize, options);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  abstract forward(input: Tensor): Tensor;

  override extraRepr(): string {
    const { kernelSize, options } = this;
    const { stride = kernelSize, padding = 0 } = options;
    return settings({ kernelSize, stride, padding });
  }
}

/** The mean of each window: [N, C, L] to [N, C, L'], or without N. */
export class AvgPool1d extends AvgPool<1> {
  override forward(input: Tensor): Tensor {
    return avgPool1d(input, this.kernelSize, this.options);
  }
}

/** The mean of each window: [N, C, H, W] to [N, C, H', W'], or without N. */
export class AvgPool2d extends AvgPool<2> {
  override forward(input: Tensor): Tensor {
    return avgPool2d(input, this.kernelSize, this.options);
  }
}

/** The mean of each window: [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export class AvgPool3d extends AvgPool<3> {
  override forward(input: Tensor): Tensor {
    return avgPool3d(input, this.kernelSize, this.options);
  }
}
