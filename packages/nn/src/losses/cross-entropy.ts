/** The cross-entropy between logits and classes. */
import { formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { inF32 } from '../precision.ts';

export type Reduction = 'mean' | 'sum' | 'none';

const reductions = {
  mean: (losses) => losses.mean(),
  sum: (losses) => losses.sum(),
  none: (losses) => losses,
} satisfies Record<Reduction, (losses: Tensor) => Tensor>;

/** The losses of single examples as one number, or as they are. */
export function reduceLoss(losses: Tensor, reduction: Reduction): Tensor {
  if (!(reduction in reductions)) throw new RangeError(`reduction must be 'mean', 'sum' or 'none', got '${reduction}'`);
  return reductions[reduction](losses);
}

export interface CrossEntropyOptions {
  /** This share of the target is spread evenly over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
  readonly reduction?: Reduction;
}

/**
 * -log softmax(logits)[target], with smoothing e: (1 - e) times that plus e times the mean over classes of -log softmax(logits).
 *
 * @param logits [N, C]
 * @param target i32 [N], each in [0, C)
 * @returns a scalar, or [N] with reduction `none`
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, reduction = 'mean' } = options;
  if (logits.ndim !== 2 || target.ndim !== 1 || logits.shape[0] !== target.shape[0])
    throw new RangeError(
      `crossEntropy: logits ${formatShape(logits.shape)} and target ${formatShape(target.shape)} must be [N, C] and [N]`,
    );
  if (target.dtype !== 'i32')
    throw new TypeError(`crossEntropy: the target must be i32 class indices, got ${target.dtype}`);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new RangeError(`crossEntropy: labelSmoothing must be in [0, 1], got ${labelSmoothing}`);
  const logProbabilities = inF32(logits).logSoftmax(1);
  const chosen = iota(logits.shape, 1).eq(target.unsqueeze(1));
  const likelihood = where(chosen, logProbabilities, 0).sum(1);
  if (labelSmoothing === 0) return reduceLoss(likelihood.neg(), reduction);
  const losses = likelihood.mul(labelSmoothing - 1).sub(logProbabilities.mean(1).mul(labelSmoothing));
  return reduceLoss(losses, reduction);
}

/** `crossEntropy` as a module: logits [N, C] and i32 targets [N] to a scalar. */
export class CrossEntropyLoss extends Module {
  readonly options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    super();
    this.options = options;
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.options);
  }
}
