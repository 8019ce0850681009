/** The statistics of the normalization layers. */
import { moments, type Tensor } from '@tessera/tensor';

/** Added to the variance before the root: PyTorch's default. */
export const defaultEps = 1e-5;

/** Deviations over `axes`, divided by the standard deviation: (x - mean) / sqrt(variance + eps). */
export function standardize(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const { deviation, variance } = moments(x, axes);
  return deviation.mul(variance.add(eps).rsqrt());
}

/** A tensor [C], or null, in the shape [C, 1, ...] that broadcasts against inputs [N, C, ...] of `rank` axes. */
export const alongChannels = (tensor: Tensor, rank: number): Tensor =>
  tensor.reshape([tensor.size, ...new Array<number>(rank - 2).fill(1)]);
