/** The divergence of one distribution from another. */
import { type Tensor, where } from '@tessera/tensor';
import { requireFloats } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { Loss, type Reduction, reduceLoss } from './reduction.ts';

export interface KLDivOptions {
  /** Whether the target has logarithms of probabilities too. Default: false, it has probabilities. */
  readonly logTarget?: boolean;
  /** `batchmean`, the sum divided by the size of axis 0, is the divergence by its definition; `mean` divides by all elements. */
  readonly reduction?: Reduction | 'batchmean';
}

/**
 * Kullback and Leibler's divergence, element by element: y (log y - x) for logarithms x of the model's probabilities and the target's
 * probabilities y. Where y is 0 it is 0.
 *
 * @param input any shape, floating point: logarithms of probabilities, those of `logSoftmax`
 * @param target the same shape, or one that broadcasts with it
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export function klDiv(input: Tensor, target: Tensor, { logTarget = false, reduction }: KLDivOptions = {}): Tensor {
  requireFloats('klDiv', { 'the input': input, 'the target': target });
  const [x, y] = [inF32(input), inF32(target)];
  const losses = logTarget ? y.exp().mul(y.sub(x)) : entropyTerms(y).sub(y.mul(x));
  if (reduction !== 'batchmean') return reduceLoss(losses, reduction);
  const [examples = 1] = input.shape;
  return losses.sum().div(examples);
}

/** y log y, 0 at 0. The logarithm never sees 0, so that the derivative there is finite. */
function entropyTerms(y: Tensor): Tensor {
  const isZero = y.eq(0);
  return y.mul(where(isZero, 1, y).log());
}

/** `klDiv` as a module. */
export class KLDivLoss extends Loss<KLDivOptions> {
  forward(input: Tensor, target: Tensor): Tensor {
    return klDiv(input, target, this.options);
  }
}
