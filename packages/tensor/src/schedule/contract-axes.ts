/** How a contraction becomes a matrix product: the axes of its batch, rows (m), columns (n) and sum (k), and their order. */

import type { NodeOf } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import type { View } from '../kernel/view.ts';
import { byStride } from './layout.ts';

export interface ContractAxes {
  /** Whether the second operand becomes the row operand. */
  readonly swapped: boolean;
  /** Axes of the result; -1 is an additional axis of size 1, where a list must not be empty. */
  readonly batch: readonly number[];
  readonly m: readonly number[];
  readonly n: readonly number[];
  /** Sizes of the summed axes. */
  readonly k: readonly number[];
  /** Axes of the row operand in the order batch, m, k, and of the column operand in the order batch, k, n. */
  readonly aAxes: readonly number[];
  readonly bAxes: readonly number[];
}

/**
 * Columns are innermost in the result. If the free axes of one operand all come after those of the other, they are the columns. If they
 * are interleaved (the channels of a convolution are between its images and pixels), the columns are the free axes of the smaller
 * operand, the weight: the result is then laid out channels last, and everything that follows uses that layout.
 *
 * `order` lists the result's axes as they should be stored, slowest first.
 *
 * Within batch, rows, columns and sum, axes are ordered by the strides of the operand that is read along them, so that packing walks
 * memory in order.
 */
export function contractAxes(
  node: NodeOf<'contract'>,
  left: View,
  right: View,
  order: readonly number[] = node.shape.map((_, axis) => axis),
): ContractAxes {
  const spec = node.arg;
  const sizes = new Map<number, number>();
  for (const [labels, view] of [
    [spec.a, left],
    [spec.b, right],
  ] as const)
    for (const [axis, label] of labels.entries()) sizes.set(label, nth(view.shape, axis));
  const large = (labels: readonly number[]): number[] => labels.filter((label) => sizes.get(label) !== 1);
  const out = large(order.map((axis) => nth(spec.out, axis)));
  const leftOnly = out.filter((label) => !spec.b.includes(label));
  const rightOnly = out.filter((label) => !spec.a.includes(label));
  const free = out.filter((label) => leftOnly.includes(label) || rightOnly.includes(label));
  const endsWith = (labels: readonly number[]): boolean =>
    free.slice(free.length - labels.length).every((label) => labels.includes(label));
  let swapped = false;
  if (rightOnly.length === 0) swapped = leftOnly.length > 0;
  else if (leftOnly.length > 0 && !endsWith(rightOnly))
    swapped = endsWith(leftOnly) || sizeOf(left.shape) < sizeOf(right.shape);

  const rows = swapped
    ? { view: right, labels: spec.b, free: rightOnly }
    : { view: left, labels: spec.a, free: leftOnly };
  const columns = swapped
    ? { view: left, labels: spec.a, free: leftOnly }
    : { view: right, labels: spec.b, free: rightOnly };
  const sorted = (labels: readonly number[], { view, labels: own }: typeof rows): number[] =>
    byStride(labels, (label) => nth(view.strides, own.indexOf(label)));
  const batch = sorted(
    out.filter((label) => !free.includes(label)),
    rows,
  );
  const m = sorted(rows.free, rows);
  const n = sorted(columns.free, columns);
  const larger = sizeOf(rows.view.shape) >= sizeOf(columns.view.shape) ? rows : columns;
  const k = sorted(
    large(spec.a).filter((label) => !spec.out.includes(label)),
    larger,
  );
  const filled = (labels: readonly number[]): number[] => (labels.length === 0 ? [-1] : [...labels]);
  const resultAxes = (labels: readonly number[]): number[] =>
    labels.map((label) => (label < 0 ? -1 : spec.out.indexOf(label)));
  const operandAxes = (labels: readonly number[], own: readonly number[]): number[] =>
    labels.map((label) => (label < 0 ? -1 : own.indexOf(label)));
  return {
    swapped,
    batch: resultAxes(batch),
    m: resultAxes(filled(m)),
    n: resultAxes(filled(n)),
    k: filled(k).map((label) => sizes.get(label) ?? 1),
    aAxes: operandAxes([...batch, ...filled(m), ...filled(k)], rows.labels),
    bAxes: operandAxes([...batch, ...filled(k), ...filled(n)], columns.labels),
  };
}
