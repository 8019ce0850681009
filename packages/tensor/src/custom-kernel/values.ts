/**
 * The values of a kernel function's variables while it is traced. The function describes one element; a traced value describes that
 * value for all elements at once.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import * as ops from '../ops/index.ts';

/**
 * An axis of threads, or of a loop that sums over its turns. A value that varies along several axes is a node whose axes are ordered by
 * `position`, counted from the last axis: thread.x is 0, then come y, z, and loops from the outermost.
 */
export interface Axis {
  readonly position: number;
  readonly size: number;
}

/** offset + sum of coefficient * index along each axis. It is known exactly, so that loads become views. */
export interface Place {
  readonly kind: 'place';
  readonly terms: ReadonlyMap<Axis, number>;
  readonly offset: number;
}

/** A tensor that was passed. */
interface ArrayValue {
  readonly kind: 'array';
  readonly name: string;
  readonly source: Node;
}

/** A traced value. Numbers and booleans are known while tracing. */
export type Value = number | boolean | Place | ArrayValue | { readonly kind: 'node'; readonly node: Node };

/** The lanes (elements) that run: all, none, or those where a node of bool is true. */
export type Mask = boolean | Node;

export const nodeValue = (node: Node): Value => ({ kind: 'node', node });

export const placeOf = (axis: Axis): Place => ({ kind: 'place', terms: new Map([[axis, 1]]), offset: 0 });

/** a + factor * b */
export function addPlaces(a: Place, b: Place | number, factor = 1): Place | number {
  if (typeof b === 'number') return { ...a, offset: a.offset + factor * b };
  const terms = new Map(a.terms);
  for (const [axis, coefficient] of b.terms) {
    const sum = (terms.get(axis) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(axis);
    else terms.set(axis, sum);
  }
  const offset = a.offset + factor * b.offset;
  return terms.size === 0 ? offset : { kind: 'place', terms, offset };
}

export function scalePlace(place: Place, factor: number): Place | number {
  if (factor === 0) return 0;
  const terms = new Map([...place.terms].map(([axis, coefficient]) => [axis, coefficient * factor] as const));
  return { kind: 'place', terms, offset: place.offset * factor };
}

/** The smallest and the largest value. */
export function rangeOf(value: Place | number): { readonly low: number; readonly high: number } {
  if (typeof value === 'number') return { low: value, high: value };
  let low = value.offset;
  let high = value.offset;
  for (const [axis, coefficient] of value.terms) {
    const reach = coefficient * (axis.size - 1);
    if (reach < 0) low += reach;
    else high += reach;
  }
  return { low, high };
}

/** An i32 node with the value at every element. */
function placeNode({ terms, offset }: Place): Node {
  let sum: Node | number = offset;
  for (const [axis, coefficient] of terms) {
    const shape = [axis.size, ...new Array<number>(axis.position).fill(1)];
    sum = ops.add(ops.mul(graph.iota(shape, 0), coefficient), sum);
  }
  return typeof sum === 'number' ? graph.constant(sum, [], 'i32') : sum;
}

/** As an operand of the tensor operations; null for an array, which must be indexed. */
export function operandOf(value: Value): Node | number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (value.kind === 'place') return placeNode(value);
  return value.kind === 'node' ? value.node : null;
}

/** The operand in floating point: in its own dtype, or in `dtype` if it was not floating point. */
export const floatOf = (operand: Node | number, dtype: DType): Node =>
  typeof operand === 'number'
    ? graph.constant(operand, [], dtype)
    : isFloat(operand.dtype)
      ? operand
      : graph.cast(operand, dtype);

/** The operand as an integer, as in JavaScript's bit operations: without its fraction. */
export const integerOf = (operand: Node | number): Node =>
  typeof operand === 'number' ? graph.constant(Math.trunc(operand), [], 'i32') : graph.cast(operand, 'i32');

export const andMask = (a: Mask, b: Mask): Mask => {
  if (typeof a === 'boolean') return a ? b : false;
  if (typeof b === 'boolean') return b ? a : false;
  return a === b ? a : ops.logicalAnd(a, b);
};

export const orMask = (a: Mask, b: Mask): Mask => {
  if (typeof a === 'boolean') return a ? true : b;
  if (typeof b === 'boolean') return b ? true : a;
  return a === b ? a : ops.logicalOr(a, b);
};

export const notMask = (a: Mask): Mask => (typeof a === 'boolean' ? !a : ops.logicalNot(a));
