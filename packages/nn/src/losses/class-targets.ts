/** Class labels as the targets of losses: their shape and range, and the values that belong to them. */
import { checkIndices, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { requireIntegers, requireShapes, requireTensors } from '../arguments.ts';
import type { Reduction } from './reduction.ts';
import { reduceLoss } from './reduction.ts';

export interface ClassOptions {
  /** [C]: the factor on the loss of each class. The mean is then weighted too. */
  readonly weight?: Tensor | null;
  /**
   * The label of examples that do not count: their loss is 0, and the mean is over the others. It need not be a class. Default: -100. With
   * null every example counts, and a training step need not count them.
   */
  readonly ignoreIndex?: number | null;
  readonly reduction?: Reduction;
}

/** PyTorch's label of what does not count. */
const defaultIgnoreIndex = -100;

/** The axis of the classes of [N, C, d1, ...] or [C]. */
export function classAxis(op: string, values: Tensor, what: string): number {
  if (values.ndim === 0) throw new RangeError(`${op}: ${what} must be [N, C, ...] or [C], got a scalar`);
  return values.ndim === 1 ? 0 : 1;
}

/** Labels of the examples of `values`, which is [N, C, d1, ...] or [C]. */
export interface ClassLabels {
  /** bool, like `values`: true at the class of each example that counts. */
  readonly chosen: Tensor;
  /** bool, one for each example: whether it counts. null: all do. */
  readonly counted: Tensor | null;
}

/**
 * The labels [N, d1, ...] of `values`. One that is neither a class nor ignored is an error when the loss is computed: outside of compiled
 * functions, and in those with `check: true`.
 *
 * @throws RangeError or TypeError if the labels are not i32 or u8 [N, d1, ...]
 */
export function classLabels(
  op: string,
  values: Tensor,
  axis: number,
  target: Tensor,
  { ignoreIndex = defaultIgnoreIndex, weight = null }: ClassOptions,
): ClassLabels {
  requireTensors(op, { 'the target': target });
  const classes = values.shape[axis] ?? 0;
  const expected = values.shape.toSpliced(axis, 1);
  if (formatShape(target.shape) !== formatShape(expected))
    throw new RangeError(
      `${op}: logits ${formatShape(values.shape)} and target ${formatShape(target.shape)} must be ` +
        `${values.ndim < 2 ? '[C] and []' : '[N, C, ...] and [N, ...]'}: ${formatShape(expected)} expected`,
    );
  requireIntegers(op, 'the target', target, 'i32 class indices');
  requireShapes(op, { 'weight of the classes': weight }, [classes]);
  const counted = ignoreIndex === null ? null : target.ne(ignoreIndex);
  const own = iota(values.shape, axis).eq(target.unsqueeze(axis));
  checkIndices(own, target, { op, high: classes, ...(ignoreIndex === null ? {} : { except: ignoreIndex }) });
  const mayBeClass = ignoreIndex !== null && ignoreIndex >= 0 && ignoreIndex < classes;
  const chosen = mayBeClass && counted !== null ? own.logicalAnd(counted.unsqueeze(axis)) : own;
  return { chosen, counted };
}

/** The value of each example's class; 0 where it does not count. */
export const valueOfClass = (values: Tensor, chosen: Tensor, axis: number): Tensor =>
  where(chosen, values, 0).sum(axis);

/** [C] as a tensor that broadcasts along the classes of `values`. */
export const alongClasses = (weight: Tensor, values: Tensor, axis: number): Tensor =>
  weight.reshape(values.shape.map((n, k) => (k === axis ? n : 1)));

/** The weight of each example: that of its class, or 1, and 0 where it does not count. null: 1 for all. */
export function exampleWeights(
  values: Tensor,
  axis: number,
  { chosen, counted }: ClassLabels,
  weight: Tensor | null,
): Tensor | null {
  if (weight !== null) return valueOfClass(alongClasses(weight, values, axis), chosen, axis).cast(values.dtype);
  return counted === null ? null : counted.cast(values.dtype);
}

/** Reduces losses of single examples, which are weighted already: the mean is over the sum of the weights. */
export function reduceWeighted(losses: Tensor, weights: Tensor | null, reduction: Reduction = 'mean'): Tensor {
  return reduction === 'mean' && weights !== null ? losses.sum().div(weights.sum()) : reduceLoss(losses, reduction);
}
