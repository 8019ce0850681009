import { bernoulli, type Tensor } from '@tessera/tensor';

/**
 * Stochastic depth (Huang et al. 2016): drops whole samples of a residual branch, [N, ...], with probability `p` and scales the
 * others by 1 / (1 - p), so that the mean stays. The choice comes from the seeded, counted random numbers, as dropout's.
 */
export function dropPath(input: Tensor, p = 0, training = true): Tensor {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`dropPath: the probability must lie in [0, 1], got ${p}`);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const samples = input.shape.map((n, axis) => (axis === 0 ? n : 1));
  return input.mul(
    bernoulli(samples, 1 - p)
      .cast(input.dtype)
      .mul(1 / (1 - p)),
  );
}
