/** Losses of embeddings and of pairs, with a margin: of distances, angles and ranks. */
import { formatShape, type Tensor, where } from '@tessera/tensor';
import { requireFloats, requirePositive } from '../arguments.ts';
import { pairwiseDistance } from '../layers/distances.ts';
import { logSigmoid } from '../layers/smooth-activations.ts';
import { inF32 } from '../precision.ts';
import { Loss, type LossOptions, type MarginOptions, reduceLoss } from './reduction.ts';

/** max(x, 0); the gradient flows at 0, as in PyTorch's losses. */
const positivePart = (x: Tensor): Tensor => x.clamp(0);

/** Added to squared lengths, as in PyTorch's cosine embedding loss. */
const lengthEps = 1e-12;

/**
 * 1 - cos(x1, x2) for pairs with target 1, max(cos(x1, x2) - margin, 0) for those with target -1. The margin is 0 by default.
 *
 * @param x1 [N, D] or [D], floating point
 * @param x2 the same shape
 * @param target [N] or []: 1 or -1
 * @returns a scalar, or the target's shape with reduction `none`
 */
export function cosineEmbeddingLoss(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: MarginOptions = {},
): Tensor {
  requireFloats('cosineEmbeddingLoss', { x1, x2 });
  if (x1.ndim !== target.ndim + 1 || x2.ndim !== target.ndim + 1 || target.ndim > 1)
    throw new RangeError(
      `cosineEmbeddingLoss: vectors ${formatShape(x1.shape)}, ${formatShape(x2.shape)} and target ${formatShape(target.shape)} ` +
        'must be [N, D] and [N], or [D] and []',
    );
  const [a, b] = [inF32(x1), inF32(x2)];
  const squares = [a, b].map((x) => x.square().sum(-1).add(lengthEps)) as [Tensor, Tensor];
  const cosines = a.mul(b).sum(-1).div(squares[0].mul(squares[1]).sqrt());
  const alike = where(target.eq(1), cosines.neg().add(1), 0);
  return reduceLoss(alike.add(where(target.eq(-1), positivePart(cosines.sub(margin)), 0)), reduction);
}

export interface TripletMarginWithDistanceOptions extends MarginOptions {
  /** The distance of two batches of vectors. Default: `pairwiseDistance`. */
  readonly distanceFunction?: (a: Tensor, b: Tensor) => Tensor;
  /** Whether the positive's distance to the negative counts if it is the smaller one (Balntas et al. 2016). Default: false. */
  readonly swap?: boolean;
}

/**
 * max(d(anchor, positive) - d(anchor, negative) + margin, 0) with a distance of your own. The margin is 1 by default.
 *
 * @param anchor [N, D] or [D], as `positive` and `negative`
 * @returns a scalar, or [N] with reduction `none`
 */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletMarginWithDistanceOptions = {},
): Tensor {
  const { distanceFunction = pairwiseDistance, margin = 1, swap = false, reduction } = options;
  requireFloats('tripletMarginLoss', { anchor, positive, negative });
  requirePositive('tripletMarginLoss', { margin });
  if (anchor.ndim !== positive.ndim || anchor.ndim !== negative.ndim)
    throw new RangeError(
      `tripletMarginLoss: anchor ${formatShape(anchor.shape)}, positive ${formatShape(positive.shape)} and negative ` +
        `${formatShape(negative.shape)} must have equally many axes`,
    );
  const near = distanceFunction(anchor, positive);
  const far = distanceFunction(anchor, negative);
  const away = swap ? far.minimum(distanceFunction(positive, negative)) : far;
  return reduceLoss(positivePart(near.sub(away).add(margin)), reduction);
}

export interface TripletMarginOptions extends MarginOptions {
  /** The order of the norm. Default: 2. */
  readonly p?: number;
  /** Added to each difference. Default: 1e-6. */
  readonly eps?: number;
  /** As in `tripletMarginWithDistanceLoss`. */
  readonly swap?: boolean;
}

/**
 * max(|anchor - positive| - |anchor - negative| + margin, 0), with `pairwiseDistance` (Schroff et al. 2015, "FaceNet"). The margin is 1
 * by default.
 *
 * @param anchor [N, D] or [D], as `positive` and `negative`
 * @returns a scalar, or [N] with reduction `none`
 */
export const tripletMarginLoss = (
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { p = 2, eps = 1e-6, ...options }: TripletMarginOptions = {},
): Tensor =>
  tripletMarginWithDistanceLoss(anchor, positive, negative, {
    ...options,
    distanceFunction: (a, b) => pairwiseDistance(a, b, { p, eps }),
  });

/**
 * max(-y (x1 - x2) + margin, 0): target 1 asks for x1 > x2, -1 for x2 > x1. The margin is 0 by default.
 *
 * @param x1 any shape, floating point; `x2` and `target` have equally many axes and broadcast with it
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function marginRankingLoss(
  x1: Tensor,
  x2: Tensor,
  target: Tensor,
  { margin = 0, reduction }: MarginOptions = {},
): Tensor {
  requireFloats('marginRankingLoss', { x1, x2 });
  if (x1.ndim !== x2.ndim || x1.ndim !== target.ndim)
    throw new RangeError(
      `marginRankingLoss: inputs ${formatShape(x1.shape)}, ${formatShape(x2.shape)} and target ${formatShape(target.shape)} ` +
        'must have equally many axes',
    );
  const losses = inF32(x1).sub(inF32(x2)).mul(target.neg()).add(margin);
  return reduceLoss(positivePart(losses), reduction);
}

/**
 * x where the target is 1, max(margin - x, 0) where it is -1: for distances x. The margin is 1 by default.
 *
 * @param input any shape, floating point
 * @param target the same shape, or one that broadcasts with it: 1 or -1
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction }: MarginOptions = {},
): Tensor {
  requireFloats('hingeEmbeddingLoss', { 'the input': input });
  const x = inF32(input);
  const apart = where(target.eq(1), 0, positivePart(x.neg().add(margin)));
  return reduceLoss(apart.add(where(target.eq(-1), 0, x)), reduction);
}

/**
 * log(1 + exp(-y x)), without overflow.
 *
 * @param input any shape, floating point
 * @param target the same shape, or one that broadcasts with it: 1 or -1
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  requireFloats('softMarginLoss', { 'the input': input });
  return reduceLoss(logSigmoid(inF32(input).mul(target)).neg(), reduction);
}

/** `cosineEmbeddingLoss` as a module. */
export class CosineEmbeddingLoss extends Loss<MarginOptions> {
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return cosineEmbeddingLoss(x1, x2, target, this.options);
  }
}

/** `tripletMarginLoss` as a module. */
export class TripletMarginLoss extends Loss<TripletMarginOptions> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(anchor, positive, negative, this.options);
  }
}

/** `tripletMarginWithDistanceLoss` as a module. */
export class TripletMarginWithDistanceLoss extends Loss<TripletMarginWithDistanceOptions> {
  forward(anchor: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(anchor, positive, negative, this.options);
  }
}

/** `marginRankingLoss` as a module. */
export class MarginRankingLoss extends Loss<MarginOptions> {
  forward(x1: Tensor, x2: Tensor, target: Tensor): Tensor {
    return marginRankingLoss(x1, x2, target, this.options);
  }
}

/** `hingeEmbeddingLoss` as a module. */
export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return hingeEmbeddingLoss(input, target, this.options);
  }
}

/** `softMarginLoss` as a module. */
export class SoftMarginLoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return softMarginLoss(input, target, this.options);
  }
}
