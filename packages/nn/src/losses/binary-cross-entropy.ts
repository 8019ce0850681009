/** Cross-entropies of yes-or-no decisions: of probabilities, of logits, and of several labels of one example. */
import { customGradient } from '@tessera/autograd';
import type { Tensor } from '@tessera/tensor';
import { requireFloats, requireSameShape } from '../arguments.ts';
import { logSigmoid } from '../layers/smooth-activations.ts';
import { Buffer } from '../module/parameter.ts';
import { inF32 } from '../precision.ts';
import { type LossOptions, reduceLoss, WeightedLoss } from './reduction.ts';

export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Broadcasts with the input: a factor on the loss of each element. */
  readonly weight?: Tensor | null;
}

/** PyTorch's bounds: log 0 counts as -100, and x (1 - x) as at least 1e-12 in the derivative. */
const [leastLogarithm, leastVariance] = [-100, 1e-12];

const entropyOfProbabilities = customGradient(
  (x: Tensor, y: Tensor) => {
    const yes = x.log().maximum(leastLogarithm);
    const no = x.neg().log1p().maximum(leastLogarithm);
    return y.mul(yes).add(y.neg().add(1).mul(no)).neg();
  },
  (gradient, [x, y]) => {
    const rest = x.neg().add(1);
    return [gradient.mul(x.sub(y)).div(x.mul(rest).maximum(leastVariance)), gradient.mul(rest.log().sub(x.log()))];
  },
  'binaryCrossEntropy',
);

const weighted = (losses: Tensor, weight: Tensor | null): Tensor => (weight === null ? losses : losses.mul(weight));

/**
 * -weight (y log x + (1 - y) log(1 - x)) of probabilities x. Logarithms are at least -100, as in PyTorch, so that a wrong certainty has
 * a finite loss. `binaryCrossEntropyWithLogits` is more precise.
 *
 * @param input any shape, floating point: probabilities from 0 to 1
 * @param target the same shape: probabilities from 0 to 1
 * @returns a scalar, or the input's shape with reduction `none`
 * @throws RangeError if the shapes differ; TypeError for integers
 */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction }: BinaryCrossEntropyOptions = {},
): Tensor {
  requireFloats('binaryCrossEntropy', { 'the input': input, 'the target': target });
  requireSameShape('binaryCrossEntropy', ['input', 'target'], input, target);
  const x = inF32(input);
  return reduceLoss(weighted(entropyOfProbabilities(x, target.cast(x.dtype)), weight), reduction);
}

export interface BinaryCrossEntropyWithLogitsOptions extends BinaryCrossEntropyOptions {
  /** Broadcasts with the target, usually [classes]: a factor on the loss of the positives, for classes of unequal frequency. */
  readonly posWeight?: Tensor | null;
}

/**
 * -weight (posWeight y log sigmoid(x) + (1 - y) log sigmoid(-x)) of logits x, without overflow.
 *
 * @param input any shape, floating point
 * @param target the same shape: probabilities from 0 to 1
 * @returns a scalar, or the input's shape with reduction `none`
 * @throws RangeError if the shapes differ; TypeError for integers
 */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight = null, posWeight = null, reduction }: BinaryCrossEntropyWithLogitsOptions = {},
): Tensor {
  requireFloats('binaryCrossEntropyWithLogits', { 'the input': input, 'the target': target });
  requireSameShape('binaryCrossEntropyWithLogits', ['input', 'target'], input, target);
  return reduceLoss(weighted(decisionLosses(inF32(input), target, posWeight), weight), reduction);
}

function decisionLosses(x: Tensor, target: Tensor, posWeight: Tensor | null): Tensor {
  const positives = posWeight === null ? target : target.mul(posWeight);
  const negatives = target.neg().add(1);
  return positives
    .mul(logSigmoid(x))
    .add(negatives.mul(logSigmoid(x.neg())))
    .neg();
}

export interface MultilabelSoftMarginOptions extends LossOptions {
  /** [C]: the factor on the loss of each class. */
  readonly weight?: Tensor | null;
}

/**
 * The mean over classes of `binaryCrossEntropyWithLogits`.
 *
 * @param input [..., C]
 * @param target the same shape: 1 for the classes that an example has, otherwise 0
 * @returns a scalar, or [...] with reduction `none`
 */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction }: MultilabelSoftMarginOptions = {},
): Tensor {
  requireFloats('multilabelSoftMarginLoss', { 'the input': input });
  requireSameShape('multilabelSoftMarginLoss', ['input', 'target'], input, target);
  if (input.ndim === 0) throw new RangeError('multilabelSoftMarginLoss: the input must be [..., C], got a scalar');
  const x = inF32(input);
  return reduceLoss(weighted(decisionLosses(x, target.cast(x.dtype), null), weight).mean(-1), reduction);
}

/** `binaryCrossEntropy` as a module. */
export class BCELoss extends WeightedLoss<LossOptions> {
  constructor({ weight = null, ...options }: BinaryCrossEntropyOptions = {}) {
    super(weight, options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return binaryCrossEntropy(input, target, { ...this.options, weight: this.weight });
  }
}

/** `binaryCrossEntropyWithLogits` as a module. */
export class BCEWithLogitsLoss extends WeightedLoss<LossOptions> {
  /** The factor on the losses of positives; null: 1. */
  readonly pos_weight: Buffer | null;

  constructor({ weight = null, posWeight = null, ...options }: BinaryCrossEntropyWithLogitsOptions = {}) {
    super(weight, options);
    this.pos_weight = posWeight === null ? null : new Buffer(posWeight);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    const { options, weight, pos_weight: posWeight } = this;
    return binaryCrossEntropyWithLogits(input, target, { ...options, weight, posWeight });
  }
}

/** `multilabelSoftMarginLoss` as a module. */
export class MultiLabelSoftMarginLoss extends WeightedLoss<LossOptions> {
  constructor({ weight = null, ...options }: MultilabelSoftMarginOptions = {}) {
    super(weight, options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelSoftMarginLoss(input, target, { ...this.options, weight: this.weight });
  }
}
