/** Elements of a tensor at the places that subscripts name: a view where they are affine, else a gather. */

import * as graph from '../graph/graph.ts';
import type { Node, WindowSpec } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import * as ops from '../ops/index.ts';
import { type Axis, integerOf, operandOf, type Place, rangeOf, type Value } from './values.ts';

/** The shape with `count` axes: leading axes are joined, or axes of size 1 are put in front. */
export const joinedShape = (shape: Shape, count: number): Shape => {
  const extra = shape.length - count;
  if (extra < 0) return [...new Array<number>(-extra).fill(1), ...shape];
  return [sizeOf(shape.slice(0, extra + 1)), ...shape.slice(extra + 1)];
};

const isAffine = (value: Value): value is Place | number =>
  typeof value === 'number' ? Number.isInteger(value) : typeof value === 'object' && value.kind === 'place';

interface Subscript {
  readonly offset: number;
  /** Axes of more than one element, largest coefficient first. */
  readonly terms: readonly (readonly [axis: Axis, coefficient: number])[];
}

/** The subscripts in a form that views can express; null if an axis occurs twice, or three axes occur in one subscript. */
function asSubscripts(values: readonly (Place | number)[]): Subscript[] | null {
  const seen = new Set<Axis>();
  const subscripts: Subscript[] = [];
  for (const value of values) {
    const terms = typeof value === 'number' ? [] : [...value.terms].filter(([axis]) => axis.size > 1);
    if (terms.some(([axis]) => seen.has(axis))) return null;
    for (const [axis] of terms) seen.add(axis);
    if (terms.length > 2 || (terms.length === 2 && terms.some(([, coefficient]) => coefficient < 0))) return null;
    terms.sort(([, x], [, y]) => Math.abs(y) - Math.abs(x));
    subscripts.push({ offset: typeof value === 'number' ? value : value.offset, terms });
  }
  return subscripts;
}

/** The elements as a view, with zeros outside of the source. The result has the axes that occur in the subscripts, ordered by position. */
function viewAt(source: Node, values: readonly (Place | number)[], subscripts: readonly Subscript[]): Node {
  let view = source;
  const windows: WindowSpec[] = [];
  /** The axis of each dimension of the view; null for one of size 1. */
  const order: (Axis | null)[] = [];
  const appended: (Axis | null)[] = [];
  for (const [k, { terms }] of subscripts.entries()) {
    const { low, high } = rangeOf(nth(values, k));
    const size = nth(view.shape, k);
    const zeros = view.shape.map(() => 0);
    const before = zeros.with(k, Math.max(0, -low));
    const after = zeros.with(k, Math.max(0, high + 1 - size));
    view = graph.pad(view, before, after);
    const start = low + Math.max(0, -low);
    view = graph.shrink(view, zeros.with(k, start), view.shape.with(k, start + high - low + 1));
    const [first, second] = terms;
    order.push(first?.[0] ?? null);
    if (first === undefined) continue;
    if (first[1] < 0) view = graph.flip(view, [k]);
    const stride = Math.abs(first[1]);
    if (second !== undefined) {
      windows.push({ axis: k, size: second[0].size, stride, dilation: second[1] });
      appended.push(second[0]);
    } else if (stride > 1) {
      windows.push({ axis: k, size: 1, stride, dilation: 1 });
      appended.push(null);
    }
  }
  view = graph.window(view, windows);
  const axes = [...order, ...appended];
  const present = axes.flatMap((axis, k) => (axis === null ? [] : [{ axis, k }]));
  present.sort((x, y) => y.axis.position - x.axis.position);
  const rest = axes.flatMap((axis, k) => (axis === null ? [k] : []));
  view = graph.permute(view, [...rest, ...present.map(({ k }) => k)]);
  const rank = (present[0]?.axis.position ?? -1) + 1;
  const shape = new Array<number>(rank).fill(1);
  for (const { axis } of present) shape[rank - 1 - axis.position] = axis.size;
  return graph.reshape(view, shape);
}

/** The elements by a gather from flat memory; 0 where a subscript is outside of the source. */
function gatherAt(source: Node, values: readonly Value[]): Node {
  const indices = values.map((value) => {
    const operand = operandOf(value);
    if (operand === null) throw new TypeError('a subscript is an array');
    return integerOf(operand);
  });
  const places = indices.map((index, k) => {
    const size = nth(source.shape, k);
    return { index, size, inside: ops.logicalAnd(ops.ge(index, 0), ops.lt(index, size)) };
  });
  const joined = places.reduce((outer, { index, size, inside }) => ({
    index: ops.add(ops.mul(outer.index, size), index),
    size,
    inside: ops.logicalAnd(outer.inside, inside),
  }));
  const found = graph.gather(graph.reshape(source, [sizeOf(source.shape)]), joined.index, 0);
  return ops.where(joined.inside, found, 0, source.dtype);
}

/** The element of `source` at the subscripts, for every element of the domain; 0 outside of the source. */
export function loadAt(source: Node, subscripts: readonly Value[]): Node {
  const joined = graph.reshape(source, joinedShape(source.shape, subscripts.length));
  if (sizeOf(joined.shape) === 0) return graph.constant(0, [], source.dtype);
  if (subscripts.every(isAffine)) {
    const affine = asSubscripts(subscripts);
    if (affine !== null) return viewAt(joined, subscripts, affine);
  }
  return gatherAt(joined, subscripts);
}
