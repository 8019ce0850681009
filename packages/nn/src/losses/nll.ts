/** The negative logarithm of the likelihood of class labels. */
import { type Tensor, where } from '@tessera/tensor';
import { requireFloats } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import {
  alongClasses,
  type ClassOptions,
  classAxis,
  classLabels,
  exampleWeights,
  reduceWeighted,
  valueOfClass,
} from './class-targets.ts';
import { WeightedLoss } from './reduction.ts';

/**
 * -weight[y] x[y], where x are logarithms of probabilities (those of `logSoftmax`) and y the label. The mean is that of PyTorch: the sum
 * of the losses divided by the sum of the weights, over the examples whose label is not `ignoreIndex`.
 *
 * @param input [N, C, d1, ...] or [C], floating point
 * @param target i32 or u8 [N, d1, ...] or []: each in [0, C), or `ignoreIndex`
 * @returns a scalar, or the target's shape with reduction `none`
 * @throws RangeError for shapes that do not fit, and for labels that do not name a class
 */
export function nllLoss(input: Tensor, target: Tensor, options: ClassOptions = {}): Tensor {
  requireFloats('nllLoss', { 'the input': input });
  return classLoss('nllLoss', inF32(input), target, options);
}

/**
 * `nllLoss` with a share `labelSmoothing` of the target spread evenly over all classes: (1 - e) times the loss plus e / C times the sum
 * over the classes of -weight[c] x[c].
 *
 * @param logProbabilities f32 or wider
 */
export function classLoss(
  op: string,
  logProbabilities: Tensor,
  target: Tensor,
  { labelSmoothing = 0, ...options }: ClassOptions & { readonly labelSmoothing?: number },
): Tensor {
  const { weight = null, reduction } = options;
  const axis = classAxis(op, logProbabilities, 'the logits');
  const labels = classLabels(op, logProbabilities, axis, target, options);
  const weights = exampleWeights(logProbabilities, axis, labels, weight);
  const likelihood = valueOfClass(logProbabilities, labels.chosen, axis);
  const weighted = weight === null || weights === null ? likelihood : likelihood.mul(weights);
  if (labelSmoothing === 0) return reduceWeighted(weighted.neg(), weights, reduction);
  const spread =
    weight === null ? logProbabilities : logProbabilities.mul(alongClasses(weight, logProbabilities, axis));
  const even = spread.mean(axis).mul(labelSmoothing);
  const smooth = labels.counted === null ? even : where(labels.counted, even, 0);
  return reduceWeighted(weighted.mul(labelSmoothing - 1).sub(smooth), weights, reduction);
}

/** `nllLoss` as a module: logarithms of probabilities [N, C, ...] and labels [N, ...] to a scalar. */
export class NLLLoss extends WeightedLoss<Omit<ClassOptions, 'weight'>> {
  constructor({ weight = null, ...options }: ClassOptions = {}) {
    super(weight, options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return nllLoss(input, target, { ...this.options, weight: this.weight });
  }
}
