/** Norms, distances and angles of vectors, and vectors of length 1. */
import { broadcastShapes, inSingle, normalizeAxis, type Tensor, where } from '@tessera/tensor';
import { requireFloats, requireNotNegative } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { inF32 } from '../precision.ts';

/**
 * The p-norm along an axis, which is kept with size 1: (sum |x|^p)^(1/p), the largest |x| for Infinity, the smallest for -Infinity, and
 * the number of numbers that are not 0 for p = 0. As in PyTorch, its derivative at a vector of zeros is 0.
 */
export function pNorm(x: Tensor, p: number, axis: number): Tensor {
  if (typeof p !== 'number' || Number.isNaN(p)) throw new RangeError(`norm: the order p must be a number, got ${p}`);
  if (x.shape[normalizeAxis(axis, x.ndim, 'norm')] === 1 && p !== 0) return x.abs();
  if (p === 2) return x.norm(axis, true);
  if (p === 1) return x.abs().sum(axis, true);
  if (p === 0) return x.ne(0).cast(x.dtype).sum(axis, true);
  if (p === Infinity) return x.abs().max(axis, true);
  if (p === -Infinity) return x.abs().min(axis, true);
  // Neither power sees 0, so that the derivatives there are 0 instead of NaN. For p < 0, a 0 makes the norm 0.
  const isZero = x.eq(0);
  const powers = where(isZero, p < 0 ? Infinity : 0, where(isZero, 1, x.abs()).pow(p));
  const sum = powers.sum(axis, true);
  const ofZeros = sum.eq(p < 0 ? Infinity : 0);
  return where(ofZeros, 0, where(ofZeros, 1, sum).pow(1 / p));
}

export interface NormalizeOptions {
  /** The order of the norm. Default: 2. */
  readonly p?: number;
  /** Default: 1, as in PyTorch. */
  readonly axis?: number;
  /** Norms below this count as this. Default: 1e-12. */
  readonly eps?: number;
}

/** Norms from this on have squares that are normal numbers of f32. */
const leastSquared = 1.1e-19;

/**
 * x / max(|x|, eps) along an axis, with the p-norm. The gradient is finite at 0, where it is that of x / eps, as in PyTorch. Computed in
 * f32 for f16 and bf16.
 *
 * @param input floating point, at least one axis
 * @returns the input's shape
 */
export function normalize(input: Tensor, { p = 2, axis = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor {
  requireFloats('normalize', { 'the input': input });
  requireNotNegative('normalize', { eps });
  // A scalar counts as a vector of one number, as in PyTorch.
  if (input.ndim === 0) return normalize(input.reshape(1), { p, axis, eps }).reshape([]);
  const along = normalizeAxis(axis, input.ndim, 'normalize');
  return inSingle(input, (x) => {
    // The root sees at least eps^2: a bound on the root itself would come after a derivative that is infinite at 0.
    if (p === 2 && eps >= leastSquared)
      return x.div(
        x
          .square()
          .sum(along, true)
          .maximum(eps ** 2)
          .sqrt(),
      );
    return x.div(pNorm(x, p, along).maximum(eps));
  });
}

/** x / |x| along the last axis, with |x| at least `eps`: `normalize` of features. */
export const l2Normalize = (features: Tensor, eps = 1e-12): Tensor => normalize(features, { axis: -1, eps });

export interface CosineSimilarityOptions {
  readonly axis?: number;
  /** Norms below this count as this. Default: 1e-8. */
  readonly eps?: number;
}

/**
 * The cosine of the angle between vectors along an axis: x1 x2 / (max(|x1|, eps) max(|x2|, eps)). As in PyTorch, the derivative is that
 * of a norm without bound.
 *
 * @param x1 floating point; broadcasts with `x2`
 * @param axis of the broadcast shape. Default: 1
 * @returns the broadcast shape without the axis
 */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  { axis = 1, eps = 1e-8 }: CosineSimilarityOptions = {},
): Tensor {
  requireFloats('cosineSimilarity', { x1, x2 });
  requireNotNegative('cosineSimilarity', { eps });
  const shape = broadcastShapes(x1.shape, x2.shape, 'cosineSimilarity');
  // Scalars count as vectors of one number, as in PyTorch.
  if (shape.length === 0) return cosineSimilarity(x1.reshape(1), x2.reshape(1), { axis, eps });
  const along = normalizeAxis(axis, shape.length, 'cosineSimilarity');
  const directions = [x1, x2].map((given) => {
    // Other axes are repeated only after the norm.
    const x = inF32(given).reshape([...shape.slice(given.ndim).map(() => 1), ...given.shape]);
    const vectors = x.expand(x.shape.map((n, k) => (k === along ? (shape[k] ?? n) : n)));
    const norm = pNorm(vectors, 2, along);
    return vectors.div(norm.add(norm.maximum(eps).sub(norm).detach()));
  }) as [Tensor, Tensor];
  return directions[0].mul(directions[1]).sum(along);
}

export interface PairwiseDistanceOptions {
  /** The order of the norm. Default: 2. */
  readonly p?: number;
  /** Added to each difference, so that the distance of equal vectors has a derivative. Default: 1e-6. */
  readonly eps?: number;
  /** Keeps the last axis, with size 1. Default: false. */
  readonly keepdim?: boolean;
}

/**
 * The p-norm of x1 - x2 + eps along the last axis.
 *
 * @param x1 [..., D], floating point; broadcasts with `x2`
 * @returns [...]
 */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  { p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {},
): Tensor {
  requireFloats('pairwiseDistance', { x1, x2 });
  const distances = pNorm(inF32(x1).sub(inF32(x2)).add(eps), p, -1);
  return keepdim ? distances : distances.squeeze(-1);
}

/** `cosineSimilarity` as a module. */
export class CosineSimilarity extends Module {
  readonly options: CosineSimilarityOptions;

  constructor(options: CosineSimilarityOptions = {}) {
    super();
    this.options = options;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.options);
  }
}

/** `pairwiseDistance` as a module. */
export class PairwiseDistance extends Module {
  readonly options: PairwiseDistanceOptions;

  constructor(options: PairwiseDistanceOptions = {}) {
    super();
    this.options = options;
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this.options);
  }
}
