/** Losses of the scores of classes, with a margin between those that an example has and the others. */
import { checkIndices, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { requireFloats, requireIntegers, requireSameShape, requireTensors } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { alongClasses, classLabels, valueOfClass } from './class-targets.ts';
import { Loss, type LossOptions, type MarginOptions, reduceLoss, WeightedLoss } from './reduction.ts';

/** Scores [N, C] or [C], as [N, C] in f32 or wider. A scalar is one score of one class, as in PyTorch. */
function rows(op: string, input: Tensor): Tensor {
  if (input.ndim > 2) throw new RangeError(`${op}: the input must be [N, C] or [C], got ${formatShape(input.shape)}`);
  const [count, classes] = input.ndim === 2 ? input.shape : [1, input.size];
  return inF32(input).reshape([count ?? 1, classes ?? 1]);
}

export interface MultiMarginOptions extends MarginOptions {
  /** The power of each term: 1 or 2. Default: 1. */
  readonly p?: 1 | 2;
  /** [C]: the factor on the losses of examples of each class. */
  readonly weight?: Tensor | null;
}

/**
 * sum over the classes c other than the label y of weight[y] max(margin - x[y] + x[c], 0)^p / C. The margin is 1 by default.
 *
 * @param input [N, C] or [C], floating point
 * @param target i32 or u8 [N] or []: each in [0, C)
 * @returns a scalar, or the target's shape with reduction `none`
 */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  { p = 1, margin = 1, weight = null, reduction }: MultiMarginOptions = {},
): Tensor {
  if (p !== 1 && p !== 2) throw new RangeError(`multiMarginLoss: p must be 1 or 2, got ${p}`);
  requireFloats('multiMarginLoss', { 'the input': input });
  requireTensors('multiMarginLoss', { 'the target': target });
  const x = rows('multiMarginLoss', input);
  if (target.ndim > 1 || target.size !== x.shape[0])
    throw new RangeError(
      `multiMarginLoss: input ${formatShape(input.shape)} and target ${formatShape(target.shape)} must be [N, C] and [N], or [C] and []`,
    );
  const { chosen } = classLabels('multiMarginLoss', x, 1, target.reshape(-1), { ignoreIndex: null, weight });
  const gaps = x
    .sub(valueOfClass(x, chosen, 1).unsqueeze(1))
    .add(margin)
    .relu();
  const means = where(chosen, 0, p === 1 ? gaps : gaps.square()).mean(1);
  const losses = weight === null ? means : means.mul(valueOfClass(alongClasses(weight, x, 1), chosen, 1));
  return reduceLoss(losses.reshape(target.shape), reduction);
}

/**
 * sum over the labels y of an example, and the classes c that are not labels of it, of max(1 - x[y] + x[c], 0) / C.
 *
 * @param input [N, C] or [C], floating point
 * @param target i32 [N, C] or [C]: the labels of each example, and -1 after the last one
 * @returns a scalar, or [N] or [] with reduction `none`
 */
export function multilabelMarginLoss(input: Tensor, target: Tensor, { reduction }: LossOptions = {}): Tensor {
  requireFloats('multilabelMarginLoss', { 'the input': input });
  requireIntegers('multilabelMarginLoss', 'the target', target);
  requireSameShape('multilabelMarginLoss', ['input', 'target'], input, target);
  const x = rows('multilabelMarginLoss', input);
  const [count = 0, classes = 0] = x.shape;
  const places = target.reshape([count, classes]).cast('i32');
  // A label counts if no -1 comes at or before it: [N, label, place of the -1].
  const ends = places.lt(0).unsqueeze(1);
  const before = iota([count, classes, classes], 2).le(iota([count, classes, classes], 1));
  const listed = ends.logicalAnd(before).any(2).logicalNot();
  const named = iota([count, classes, classes], 2).eq(places.unsqueeze(2));
  checkIndices(named, target, { op: 'multilabelMarginLoss', low: -1, high: classes });
  const names = named.logicalAnd(listed.unsqueeze(2));
  const isLabel = names.any(1); // [N, C]
  const own = where(names, x.unsqueeze(1), 0).sum(2); // [N, label]: the label's x
  const gaps = x.unsqueeze(1).sub(own.unsqueeze(2)).add(1).relu(); // [N, label, class]
  const counted = listed.unsqueeze(2).logicalAnd(isLabel.logicalNot().unsqueeze(1));
  const losses = where(counted, gaps, 0).sum([1, 2]).div(classes);
  return reduceLoss(losses.reshape(input.shape.slice(0, -1)), reduction);
}

/** `multiMarginLoss` as a module. */
export class MultiMarginLoss extends WeightedLoss<Omit<MultiMarginOptions, 'weight'>> {
  constructor({ weight = null, ...options }: MultiMarginOptions = {}) {
    super(weight, options);
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return multiMarginLoss(input, target, { ...this.options, weight: this.weight });
  }
}

/** `multilabelMarginLoss` as a module. */
export class MultiLabelMarginLoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return multilabelMarginLoss(input, target, this.options);
  }
}
