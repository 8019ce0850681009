/** Clipping of gradients by their norm. */
import { type Tensor, zeros } from '@tessera/tensor';

/**
 * Computes the Euclidean norm of all gradients together, and scales the gradients so that it is at most `maxNorm`: by
 * min(1, maxNorm / (norm + 1e-6)), as PyTorch's `clip_grad_norm_`. Missing gradients (null) stay null.
 */
export function clipGradNorm<G extends Tensor | null>(
  gradients: readonly G[],
  maxNorm: number,
): { gradients: G[]; norm: Tensor } {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm: maxNorm must be above 0, got ${maxNorm}`);
  const squares = gradients.flatMap((gradient) => (gradient === null ? [] : [gradient.square().sum()]));
  const norm = (squares.length === 0 ? zeros([]) : squares.reduce((total, square) => total.add(square))).sqrt();
  if (maxNorm === Number.POSITIVE_INFINITY) return { gradients: [...gradients], norm };
  const factor = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  const scaled = gradients.map((gradient) =>
    gradient === null ? gradient : gradient.mul(factor.cast(gradient.dtype)),
  );
  return { gradients: scaled as G[], norm };
}
