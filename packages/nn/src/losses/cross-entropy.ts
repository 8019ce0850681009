/** The cross-entropy between logits and classes, or probabilities of classes. */
import { isFloat, sameShape, type Tensor } from '@tessera/tensor';
import { requireFloats, requireShapes, requireTensors } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { alongClasses, type ClassOptions, classAxis } from './class-targets.ts';
import { classLoss } from './nll.ts';
import { reduceLoss, WeightedLoss } from './reduction.ts';

export interface CrossEntropyOptions extends ClassOptions {
  /** This share of the target is spread evenly over all classes (Szegedy et al. 2016). */
  readonly labelSmoothing?: number;
}

/**
 * -sum over classes c of weight[c] target[c] log softmax(logits)[c], with the target's probabilities. A label y is the probability 1 of
 * class y; with smoothing e, every target p becomes (1 - e) p + e / C.
 *
 * As in PyTorch, the mean over labels is the sum of the losses divided by the sum of the labels' weights, over the examples whose label
 * is not `ignoreIndex`; the mean over probabilities is over all examples, whatever the weights.
 *
 * @param logits [N, C, d1, ...] or [C]
 * @param target labels: i32 or u8 [N, d1, ...] or [], each in [0, C) or `ignoreIndex`; or probabilities: floating point, like `logits`
 * @returns a scalar, or [N, d1, ...] with reduction `none`
 * @throws RangeError for shapes that do not fit, and for labels that do not name a class; TypeError for dtypes that do not fit
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new RangeError(`crossEntropy: labelSmoothing must be in [0, 1], got ${labelSmoothing}`);
  requireFloats('crossEntropy', { 'the logits': logits });
  requireTensors('crossEntropy', { 'the target': target });
  const axis = classAxis('crossEntropy', logits, 'the logits');
  const logProbabilities = inF32(logits).logSoftmax(axis);
  if (isFloat(target.dtype) && sameShape(logits.shape, target.shape))
    return softTargetLoss(logProbabilities, axis, target, options);
  return classLoss('crossEntropy', logProbabilities, target, options);
}

/** The cross-entropy with probabilities as targets. */
function softTargetLoss(
  logProbabilities: Tensor,
  axis: number,
  target: Tensor,
  { weight = null, ignoreIndex, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions,
): Tensor {
  const classes = logProbabilities.shape[axis] ?? 0;
  if (ignoreIndex !== undefined && ignoreIndex !== null && ignoreIndex >= 0)
    throw new RangeError(`crossEntropy: ignoreIndex ${ignoreIndex} needs labels, got probabilities as the target`);
  requireShapes('crossEntropy', { 'weight of the classes': weight }, [classes]);
  const probabilities = labelSmoothing === 0 ? target : target.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const terms = logProbabilities.mul(probabilities);
  const weighted = weight === null ? terms : terms.mul(alongClasses(weight, terms, axis));
  return reduceLoss(weighted.sum(axis).neg(), reduction);
}

/** `crossEntropy` as a module: logits [N, C, ...] and labels [N, ...], or probabilities [N, C, ...], to a scalar. */
export class CrossEntropyLoss extends WeightedLoss<Omit<CrossEntropyOptions, 'weight'>> {
  constructor({ weight = null, ...options }: CrossEntropyOptions = {}) {
    super(weight, options);
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, { ...this.options, weight: this.weight });
  }
}
