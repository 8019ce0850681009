/** The statistics of the normalization layers, and checks of their arguments. */
import { formatShape, type Shape, sameShape, sizeOf, Tensor } from '@tessera/tensor';
import * as ops from '@tessera/tensor/ops';
import { nth } from '../nth.ts';

/** Added to the variance before the root: PyTorch's default. */
export const defaultEps = 1e-5;

export interface Moments {
  readonly mean: Tensor;
  /** x - mean. */
  readonly deviation: Tensor;
  /** The mean of the squared deviations, that is, without Bessel's correction. */
  readonly variance: Tensor;
}

/** Mean, deviations and biased variance over `axes`, which are kept with size 1. Equal values have deviations of exactly 0. */
export function moments(x: Tensor, axes: readonly number[]): Moments {
  const { mean, deviation, squares } = ops.moments(x.node, axes);
  const count = sizeOf(axes.map((axis) => nth(x.shape, axis)));
  return {
    mean: Tensor.fromNode(mean),
    deviation: Tensor.fromNode(deviation),
    variance: Tensor.fromNode(squares).div(count),
  };
}

/** Deviations over `axes`, divided by the standard deviation: (x - mean) / sqrt(variance + eps). */
export function standardize(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const { deviation, variance } = moments(x, axes);
  return deviation.mul(variance.add(eps).rsqrt());
}

/** @throws RangeError if one of the tensors, by their names, is there and has another shape */
export function checkShapes(op: string, tensors: Readonly<Record<string, Tensor | null>>, expected: Shape): void {
  for (const [name, tensor] of Object.entries(tensors))
    if (tensor !== null && !sameShape(tensor.shape, expected))
      throw new RangeError(
        `${op}: the ${name} has shape ${formatShape(tensor.shape)}, ${formatShape(expected)} is expected`,
      );
}

/** A tensor [C], or null, in the shape [C, 1, ...] that broadcasts against inputs [N, C, ...] of `rank` axes. */
export const alongChannels = (tensor: Tensor, rank: number): Tensor =>
  tensor.reshape([tensor.size, ...new Array<number>(rank - 2).fill(1)]);
