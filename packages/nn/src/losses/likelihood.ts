/** Negative logarithms of the likelihoods of counts and of measurements: Poisson's and Gauss's distributions. */
import { formatShape, fullLike, sameShape, type Tensor, where } from '@tessera/tensor';
import { requireFloats, requireNotNegative, requirePositive } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { Loss, type LossOptions, reduceLoss } from './reduction.ts';

export interface PoissonNllOptions extends LossOptions {
  /** Whether the input is the logarithm of the expected count. Default: true. */
  readonly logInput?: boolean;
  /** Adds Stirling's approximation of log(y!) for targets above 1, which the input does not change. Default: false. */
  readonly full?: boolean;
  /** Added to an input that is not a logarithm before its logarithm is taken. Default: 1e-8. */
  readonly eps?: number;
}

/**
 * exp(x) - y x, or with `logInput: false` x - y log(x + eps): the negative log-likelihood of counts y under Poisson's distribution,
 * without the term log(y!).
 *
 * @param input any shape, floating point
 * @param target the same shape, or one that broadcasts with it: counts
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  { logInput = true, full = false, eps = 1e-8, reduction }: PoissonNllOptions = {},
): Tensor {
  requireFloats('poissonNllLoss', { 'the input': input });
  requireNotNegative('poissonNllLoss', { eps });
  const [x, y] = [inF32(input), inF32(target)];
  const losses = logInput ? x.exp().sub(y.mul(x)) : x.sub(y.mul(x.add(eps).log()));
  return reduceLoss(full ? losses.add(stirling(y.cast(losses.dtype))) : losses, reduction);
}

/** y log y - y + log(2 pi y) / 2 for y > 1, otherwise 0. */
function stirling(y: Tensor): Tensor {
  const counts = y.gt(1);
  const safe = where(counts, y, 1);
  const logarithm = safe.log();
  const terms = safe
    .mul(logarithm)
    .sub(safe)
    .add(logarithm.add(Math.log(2 * Math.PI)).mul(0.5));
  return where(counts, terms, 0);
}

export interface GaussianNllOptions extends LossOptions {
  /** Adds log(2 pi) / 2. Default: false. */
  readonly full?: boolean;
  /** The variance counts as at least this. Its derivative does not notice, as in PyTorch. Default: 1e-6. */
  readonly eps?: number;
}

/**
 * (log v + (x - y)^2 / v) / 2: the negative log-likelihood of measurements y under a normal distribution with mean x and variance v
 * (Nix and Weigend 1994).
 *
 * @param input any shape, floating point: means
 * @param target the same shape, or one that broadcasts with it
 * @param variance like `input`, or with one axis of size 1, or without the last axis: one variance for all numbers along it; or a number
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor | number,
  { full = false, eps = 1e-6, reduction }: GaussianNllOptions = {},
): Tensor {
  requireFloats('gaussianNllLoss', { 'the input': input });
  requirePositive('gaussianNllLoss', { eps });
  const x = inF32(input);
  const v = varianceLike(x, variance);
  const bounded = v.add(v.maximum(eps).sub(v).detach());
  const losses = bounded
    .log()
    .add(x.sub(inF32(target)).square().div(bounded))
    .mul(0.5);
  return reduceLoss(full ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, reduction);
}

/** The variance in a shape that broadcasts with `input`. */
function varianceLike(input: Tensor, variance: Tensor | number): Tensor {
  if (typeof variance === 'number') {
    requireNotNegative('gaussianNllLoss', { variance });
    return fullLike(input, variance);
  }
  const { shape } = input;
  const v = inF32(variance);
  const lead = shape.slice(0, -1);
  if (sameShape(v.shape, shape)) return v;
  if (shape.length > 0 && sameShape(v.shape, lead)) return v.unsqueeze(-1);
  const other = v.shape.filter((n, axis) => n !== shape[axis]);
  if (v.ndim === shape.length && other.length === 1 && other[0] === 1) return v;
  throw new RangeError(
    `gaussianNllLoss: the variance ${formatShape(variance.shape)} must be ${formatShape(shape)}, that with one axis of size 1, ` +
      `or ${formatShape(lead)} for an input of that shape`,
  );
}

/** `poissonNllLoss` as a module. */
export class PoissonNLLLoss extends Loss<PoissonNllOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return poissonNllLoss(input, target, this.options);
  }
}

/** `gaussianNllLoss` as a module. */
export class GaussianNLLLoss extends Loss<GaussianNllOptions> {
  forward(input: Tensor, target: Tensor, variance: Tensor | number): Tensor {
    return gaussianNllLoss(input, target, variance, this.options);
  }
}
