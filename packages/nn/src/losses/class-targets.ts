/** Class labels as the targets of losses: their shape and range, and the values that belong to them. */
import { checkIndices, formatShape, iota, isRecording, type Tensor, where } from '@tessera/tensor';
import { realizedStorage } from '@tessera/tensor/graph';
import { requireIntegers, requireShape } from '../arguments.ts';
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
export const defaultIgnoreIndex = -100;

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

/** @throws RangeError or TypeError if the labels are no i32 or u8 [N, d1, ...], or one that can be read is neither a class nor ignored. */
export function classLabels(
  op: string,
  values: Tensor,
  axis: number,
  target: Tensor,
  { ignoreIndex = defaultIgnoreIndex, weight = null }: ClassOptions,
): ClassLabels {
  const classes = values.shape[axis] ?? 0;
  const expected = values.shape.toSpliced(axis, 1);
  if (formatShape(target.shape) !== formatShape(expected))
    throw new RangeError(
      `${op}: logits ${formatShape(values.shape)} and target ${formatShape(target.shape)} must be ` +
        `${values.ndim < 2 ? '[C] and []' : '[N, C, ...] and [N, ...]'}: ${formatShape(expected)} expected`,
    );
  requireIntegers(op, 'the target', target, 'i32 class indices');
  requireShape(op, 'the weight of the classes', weight, [classes]);
  const isRead = requireClasses(op, target, classes, ignoreIndex);
  const counted = ignoreIndex === null ? null : target.ne(ignoreIndex);
  const own = iota(values.shape, axis).eq(target.unsqueeze(axis));
  if (!isRead)
    checkIndices(own, target, { op, high: classes, ...(ignoreIndex === null ? {} : { except: ignoreIndex }) });
  const mayBeClass = ignoreIndex !== null && ignoreIndex >= 0 && ignoreIndex < classes;
  const chosen = mayBeClass && counted !== null ? own.logicalAnd(counted.unsqueeze(axis)) : own;
  return { chosen, counted };
}

/** Refuses labels outside of [0, classes) whose values are stored and can be read without waiting; returns whether they are. */
function requireClasses(op: string, target: Tensor, classes: number, ignoreIndex: number | null): boolean {
  if (isRecording() || realizedStorage(target.node)?.backend.readSync === undefined) return false;
  const wrong = target.dataSync().findIndex((label) => (label < 0 || label >= classes) && label !== ignoreIndex);
  if (wrong < 0) return true;
  throw new RangeError(
    `${op}: label ${target.dataSync()[wrong]} at position ${wrong} is not one of ${classes} classes` +
      (ignoreIndex === null ? '' : `, nor ignoreIndex ${ignoreIndex}`),
  );
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
