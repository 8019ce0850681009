/** The order in which kernels walk memory, and the layout of values in it. */
import { lookUp, nth } from '../kernel/nth.ts';
import type { Shape } from '../kernel/shape.ts';
import { stridedView, type View } from '../kernel/view.ts';
import type { Use } from './demand.ts';
import type { Group } from './group.ts';
import type { Unit } from './units.ts';
import { viewThrough } from './views.ts';

/** Strides without gaps for axes that are stored in `order`, slowest first. */
export function stridesInOrder(shape: Shape, order: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(0);
  let step = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = step;
    step *= nth(shape, axis);
  }
  return strides;
}

/**
 * A value is laid out in the order in which its kernel writes, unless a reader joins axes that would then not be adjacent (heads that are
 * merged into channels): the value then has the reader's order, and no copy is needed.
 */
export function chooseLayout(shape: Shape, order: readonly number[], uses: readonly Use[]): View {
  const natural = stridedView(shape, stridesInOrder(shape, order));
  for (const { chain } of uses) {
    if (viewThrough(natural, chain) !== null) continue;
    const [first] = chain;
    const wanted = first?.op === 'permute' ? first.arg.axes : shape.map((_, k) => k);
    const candidate = stridedView(shape, stridesInOrder(shape, wanted));
    if (viewThrough(candidate, chain) !== null) return candidate;
  }
  return natural;
}

/** Sorts axes by stride, largest first. Repeated axes (stride 0) come first, so that they are walked slowest. */
export function byStride(axes: readonly number[], strideOf: (axis: number) => number): number[] {
  const key = (axis: number): number => Math.abs(strideOf(axis)) || Number.POSITIVE_INFINITY;
  const compare = (x: number, y: number): number => (key(x) === key(y) ? 0 : key(y) - key(x));
  return [...axes].sort((x, y) => compare(x, y) || axes.indexOf(x) - axes.indexOf(y));
}

/**
 * The order in which the axes of a matrix should be stored: transposed, if all kernels that walk it element by element read it transposed
 * (the gradient of a weight, together with the weight). Products read both orders.
 */
export function readersOrder(shape: Shape, uses: readonly Use[]): number[] {
  const natural = shape.map((_, axis) => axis);
  const walked = uses.filter(({ reader }) => reader.kind === 'element' || reader.kind === 'reduce');
  const isTransposed = ({ chain: [first] }: Use): boolean =>
    first?.op === 'permute' && first.arg.axes[0] === 1 && first.arg.axes[1] === 0;
  return shape.length === 2 && walked.length > 0 && walked.every(isTransposed) ? [1, 0] : natural;
}

/** The axes of a view in the order of memory, slowest first; an axis along which values repeat comes after the axis before it. */
export function walkingOrder({ shape, strides }: View): number[] {
  const pace = shape.map((_, axis) => {
    let at = axis;
    while (at > 0 && strides[at] === 0) at--;
    return Math.abs(nth(strides, at)) || Number.POSITIVE_INFINITY;
  });
  return shape.map((_, axis) => axis).sort((x, y) => (pace[x] === pace[y] ? x - y : nth(pace, y) - nth(pace, x)));
}

/** What determines the order of a loop's axes. */
export interface LoopSurroundings {
  isRoot(unit: Unit): boolean;
  /** Views, over a unit's operand shape, of the operands that are stored already. */
  locations(unit: Unit): readonly View[];
}

/** The order of a loop's axes, slowest first: the order in which most of what it reads, and of the roots that it writes, is stored. */
export function loopOrder(group: Group, stored: readonly Unit[], surroundings: LoopSurroundings): number[] {
  const all = group.domain.map((_, axis) => axis);
  const votes = new Map<string, { order: number[]; count: number }>();
  const vote = (order: number[]): void => {
    const entry = votes.get(order.join()) ?? { order, count: 0 };
    entry.count++;
    votes.set(order.join(), entry);
  };
  for (const unit of group.units) {
    const axes = lookUp(group.axes, unit);
    const written = axes.filter((axis) => axis >= 0);
    if (written.length === all.length && stored.includes(unit) && surroundings.isRoot(unit)) vote(written);
    for (const view of surroundings.locations(unit)) {
      const strides = all.map((axis) => view.strides[axes.indexOf(axis)] ?? 0);
      if (strides.every((stride) => stride !== 0)) vote(byStride(all, (axis) => nth(strides, axis)));
    }
  }
  let best: { order: number[]; count: number } = { order: naturalOrder(group), count: 0 };
  for (const entry of votes.values()) if (entry.count > best.count) best = entry;
  return best.order;
}

/** The axes as the group's largest unit lists them. */
function naturalOrder(group: Group): number[] {
  for (const unit of group.units) {
    const axes = lookUp(group.axes, unit).filter((axis) => axis >= 0);
    if (axes.length === group.domain.length) return axes;
  }
  return group.domain.map((_, axis) => axis);
}
