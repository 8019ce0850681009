/** Adaptive pooling: windows that make an output of a given size, whatever the size of the input. */
import { formatShape, noGrad, sizeOf, type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { nth } from '../nth.ts';
import { type Dims, type PerAxis, requireEach, withBatch, withBatches } from '../sizes.ts';
import { adaptiveAverage, equalWindows, splitIntoBins } from '../vision/bins.ts';
import { chosenPosition, maximaOf, type PooledWithIndices, positionsLeft } from './max-pool.ts';
import { checkNotEmpty } from './pooling-windows.ts';

/** The output's size along each axis: a number for all, or one each; null keeps the input's size. */
export type AdaptiveSize<D extends Dims> = PerAxis<D, number | null>;

function outputSizes<D extends Dims>(dims: D, op: string, size: AdaptiveSize<D>, input: Tensor): number[] {
  const sizes: readonly (number | null)[] = Array.isArray(size)
    ? size
    : new Array<number | null>(dims).fill(size as number | null);
  const resolved = sizes.map((n, k) => (n === null ? nth(input.shape, k + 2) : n));
  if (sizes.length !== dims || resolved.some((n) => !Number.isInteger(n) || n < 1))
    throw new RangeError(
      `${op}: the output's size must be a whole number of at least 1, or ${dims} of them, got ${Array.isArray(size) ? formatShape(size) : String(size)}`,
    );
  checkNotEmpty(op, input);
  return resolved;
}

/**
 * Where the largest value of each window is, as a number of `positionsLeft`. The axes are reduced one after the other, the last one
 * first, so that the first of equal values in row-major order remains.
 */
function chosenPositions(x: Tensor, sizes: readonly number[]): Tensor {
  const spatial = x.shape.slice(2);
  let values = x;
  let left = positionsLeft(spatial).broadcastTo(x.shape);
  for (const [k, size] of [...sizes.entries()].reverse()) {
    const axis = k + 2;
    const bins = splitIntoBins(nth(spatial, k), size, axis, x.ndim);
    const candidates = where(bins.inside, bins.of(values), Number.NEGATIVE_INFINITY);
    const largest = candidates.max(axis + 1, true);
    left = chosenPosition(candidates, where(bins.inside, bins.of(left), 0), largest, [axis + 1], sizeOf(spatial));
    values = largest.squeeze(axis + 1);
  }
  return left;
}

function maximum(op: string, x: Tensor, sizes: readonly number[]): PooledWithIndices {
  const windows = equalWindows(x, sizes);
  if (windows !== null) {
    const { output, indices } = maximaOf(op, x, windows);
    return { output, indices: indices() };
  }
  const indices = noGrad(() =>
    chosenPositions(x, sizes)
      .neg()
      .add(sizeOf(x.shape.slice(2))),
  );
  return { output: x.flatten(2).takeAlongAxis(2, indices.flatten(2)).reshape(indices.shape), indices };
}

const adaptiveAvgPool =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, outputSize: AdaptiveSize<D>): Tensor =>
    withBatch(input, dims, op, (x) => adaptiveAverage(op, x, outputSizes(dims, op, outputSize, x)));

const adaptiveMaxPoolWithIndices =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, outputSize: AdaptiveSize<D>): PooledWithIndices =>
    withBatches(input, dims, op, (x) => maximum(op, x, outputSizes(dims, op, outputSize, x)));

const adaptiveMaxPool =
  <D extends Dims>(dims: D, op: string) =>
  (input: Tensor, outputSize: AdaptiveSize<D>): Tensor =>
    adaptiveMaxPoolWithIndices(dims, op)(input, outputSize).output;

/** The means of windows that make an output of the given size: [N, C, L] to [N, C, L'], or without N. */
export const adaptiveAvgPool1d = adaptiveAvgPool(1, 'adaptiveAvgPool1d');

/**
 * The means of windows that make an output of the given size, whatever the size of the input. Window i of H' goes from
 * floor(i H / H') to before ceil((i + 1) H / H'). `adaptiveAvgPool2d(x, 1)` is the mean over all positions.
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @param outputSize [H', W'], or a number for both; null keeps the input's size
 * @returns [N, C, H', W'] or [C, H', W']
 */
export const adaptiveAvgPool2d = adaptiveAvgPool(2, 'adaptiveAvgPool2d');

/** The means of windows that make an output of the given size: [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export const adaptiveAvgPool3d = adaptiveAvgPool(3, 'adaptiveAvgPool3d');

/** The largest values of the windows of `adaptiveAvgPool1d`. */
export const adaptiveMaxPool1d = adaptiveMaxPool(1, 'adaptiveMaxPool1d');

/** The largest values of the windows of `adaptiveAvgPool2d`. The gradient goes to the first of several largest values. */
export const adaptiveMaxPool2d = adaptiveMaxPool(2, 'adaptiveMaxPool2d');

/** The largest values of the windows of `adaptiveAvgPool3d`. */
export const adaptiveMaxPool3d = adaptiveMaxPool(3, 'adaptiveMaxPool3d');

/** `adaptiveMaxPool1d` and the positions of the maxima. */
export const adaptiveMaxPool1dWithIndices = adaptiveMaxPoolWithIndices(1, 'adaptiveMaxPool1dWithIndices');

/** `adaptiveMaxPool2d` and the positions of the maxima, row * W + column. */
export const adaptiveMaxPool2dWithIndices = adaptiveMaxPoolWithIndices(2, 'adaptiveMaxPool2dWithIndices');

/** `adaptiveMaxPool3d` and the positions of the maxima. */
export const adaptiveMaxPool3dWithIndices = adaptiveMaxPoolWithIndices(3, 'adaptiveMaxPool3dWithIndices');

abstract class AdaptivePool<D extends Dims> extends Module {
  readonly outputSize: AdaptiveSize<D>;

  constructor(outputSize: AdaptiveSize<D>) {
    super();
    const sizes: unknown = outputSize;
    const given = (Array.isArray(sizes) ? sizes : [sizes]).filter((n) => n !== null);
    requireEach(new.target.name, { outputSize: given.map((n) => n ?? Number.NaN) }, 1);
    this.outputSize = outputSize;
  }

  abstract forward(input: Tensor): Tensor;
}

/** Means of windows: [N, C, L] to [N, C, outputSize], or without N. */
export class AdaptiveAvgPool1d extends AdaptivePool<1> {
  override forward(input: Tensor): Tensor {
    return adaptiveAvgPool1d(input, this.outputSize);
  }
}

/** Means of windows: [N, C, H, W] to [N, C, ...outputSize], or without N. */
export class AdaptiveAvgPool2d extends AdaptivePool<2> {
  override forward(input: Tensor): Tensor {
    return adaptiveAvgPool2d(input, this.outputSize);
  }
}

/** Means of windows: [N, C, D, H, W] to [N, C, ...outputSize], or without N. */
export class AdaptiveAvgPool3d extends AdaptivePool<3> {
  override forward(input: Tensor): Tensor {
    return adaptiveAvgPool3d(input, this.outputSize);
  }
}

/** Largest values of windows: [N, C, L] to [N, C, outputSize], or without N. */
export class AdaptiveMaxPool1d extends AdaptivePool<1> {
  override forward(input: Tensor): Tensor {
    return adaptiveMaxPool1d(input, this.outputSize);
  }

  /** The output and the positions of the maxima. */
  withIndices(input: Tensor): PooledWithIndices {
    return adaptiveMaxPool1dWithIndices(input, this.outputSize);
  }
}

/** Largest values of windows: [N, C, H, W] to [N, C, ...outputSize], or without N. */
export class AdaptiveMaxPool2d extends AdaptivePool<2> {
  override forward(input: Tensor): Tensor {
    return adaptiveMaxPool2d(input, this.outputSize);
  }

  /** The output and the positions of the maxima, row * W + column. */
  withIndices(input: Tensor): PooledWithIndices {
    return adaptiveMaxPool2dWithIndices(input, this.outputSize);
  }
}

/** Largest values of windows: [N, C, D, H, W] to [N, C, ...outputSize], or without N. */
export class AdaptiveMaxPool3d extends AdaptivePool<3> {
  override forward(input: Tensor): Tensor {
    return adaptiveMaxPool3d(input, this.outputSize);
  }

  /** The output and the positions of the maxima. */
  withIndices(input: Tensor): PooledWithIndices {
    return adaptiveMaxPool3dWithIndices(input, this.outputSize);
  }
}
