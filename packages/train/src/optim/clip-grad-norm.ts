/** Clipping of gradients by their norm. */
import { formatShape, Tensor, zeros } from '@tessera/tensor';

export interface ClipGradNormOptions {
  /** p of the p-norm: above 0, or Infinity for the largest absolute value. Default 2. */
  readonly normType?: number;
  /**
   * Throw an error if the norm is infinite or NaN. That reads the norm, so it is not possible within a compiled step: return the norm from
   * the step and check it there, or use `TrainingStep`, which leaves out such an update. Default false.
   */
  readonly errorIfNonfinite?: boolean;
}

/**
 * Computes the norm of all gradients together, and scales the gradients so that it is at most `maxNorm`: by
 * min(1, maxNorm / (norm + 1e-6)), as PyTorch's `clip_grad_norm_`. Missing gradients (null) stay null.
 *
 * @param maxNorm at least 0; Infinity leaves the gradients as they are
 * @throws RangeError for a `maxNorm` or `normType` out of range
 */
export function clipGradNorm<G extends Tensor | null>(
  gradients: readonly G[],
  maxNorm: number,
  { normType = 2, errorIfNonfinite = false }: ClipGradNormOptions = {},
): { gradients: G[]; norm: Tensor } {
  if (!(maxNorm >= 0)) throw new RangeError(`clipGradNorm: maxNorm must be at least 0, got ${maxNorm}`);
  if (!(normType > 0)) throw new RangeError(`clipGradNorm: normType must be above 0, or Infinity, got ${normType}`);
  const norm = totalNorm(
    gradients.filter((gradient) => gradient instanceof Tensor),
    normType,
  );
  if (errorIfNonfinite && !Number.isFinite(norm.itemSync()))
    throw new RangeError(
      `clipGradNorm: the norm of order ${normType} of the gradients is ${norm.itemSync()}; their shapes are ` +
        gradients.map((gradient) => (gradient === null ? 'none' : formatShape(gradient.shape))).join(', '),
    );
  if (maxNorm === Number.POSITIVE_INFINITY) return { gradients: [...gradients], norm };
  const factor = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  const scaled = gradients.map((gradient) =>
    gradient === null ? gradient : gradient.mul(factor.cast(gradient.dtype)),
  );
  return { gradients: scaled as G[], norm };
}

/** The norm of all elements of all tensors: a scalar. */
function totalNorm(gradients: readonly Tensor[], normType: number): Tensor {
  const filled = normType === Number.POSITIVE_INFINITY ? gradients.filter(({ size }) => size > 0) : gradients;
  const [first, ...others] = filled.map((gradient) => powerSum(gradient, normType));
  if (first === undefined) return zeros([]);
  if (normType === Number.POSITIVE_INFINITY) return others.reduce((largest, part) => largest.maximum(part), first);
  const total = others.reduce((sum, part) => sum.add(part), first);
  if (normType === 1) return total;
  return normType === 2 ? total.sqrt() : total.pow(1 / normType);
}

/** The sum of |g|^p; for the infinity norm the largest |g|. */
function powerSum(gradient: Tensor, normType: number): Tensor {
  if (normType === 2) return gradient.square().sum();
  const sizes = gradient.abs();
  if (normType === Number.POSITIVE_INFINITY) return sizes.max();
  return (normType === 1 ? sizes : sizes.pow(normType)).sum();
}
