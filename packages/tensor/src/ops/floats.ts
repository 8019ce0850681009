/** What kind of number an element is: NaN, infinite, its sign; and comparisons that allow for rounding. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat, largestFinite } from '../kernel/dtype.ts';
import { eq, le, logicalAnd, logicalNot, logicalOr, lt } from './comparison.ts';
import { abs, add, maximum, minimum, mul, sub } from './elementwise.ts';
import { align, alignFloating, constantLike, floating, type Operand } from './operand.ts';

const largestOf = ({ dtype }: Node): number => largestFinite[dtype] ?? Number.POSITIVE_INFINITY;

const everywhere = (value: boolean, like: Node): Node => graph.constant(Number(value), like.shape, 'bool');

/** Only NaN is not equal to itself. */
export const isnan = (x: Node): Node =>
  isFloat(x.dtype) ? logicalNot(graph.binary('eq', x, x)) : everywhere(false, x);

// Infinities are told by the largest finite number: compilers of shaders may assume that there are no infinities to compare with.

export const isinf = (x: Node): Node => (isFloat(x.dtype) ? lt(largestOf(x), abs(x)) : everywhere(false, x));
export const isfinite = (x: Node): Node => (isFloat(x.dtype) ? le(abs(x), largestOf(x)) : everywhere(true, x));
export const isposinf = (x: Node): Node => (isFloat(x.dtype) ? lt(largestOf(x), x) : everywhere(false, x));
export const isneginf = (x: Node): Node => (isFloat(x.dtype) ? lt(x, -largestOf(x)) : everywhere(false, x));

/** What replaces values that are not finite. */
export interface NanToNumOptions {
  /** For NaN. Default: 0. */
  readonly nan?: number;
  /** For infinity. Default: the largest finite number of the dtype. */
  readonly posinf?: number;
  /** For -infinity. Default: the smallest finite number of the dtype. */
  readonly neginf?: number;
}

/** Integers stay as they are. */
export function nanToNum(x: Node, { nan = 0, posinf, neginf }: NanToNumOptions = {}): Node {
  if (!isFloat(x.dtype)) return x;
  const largest = largestOf(x);
  const finite = graph.where(
    isposinf(x),
    constantLike(posinf ?? largest, x),
    graph.where(isneginf(x), constantLike(neginf ?? -largest, x), x),
  );
  return graph.where(isnan(x), constantLike(nan, x), finite);
}

/** The magnitude of a with the sign of b, also of zeros. Integers become f32. */
export function copysign(a: Operand, b: Operand): Node {
  return graph.binary('copysign', ...alignFloating('copysign', [a, b]));
}

/** Whether the sign bit is set: true for negative numbers and -0. */
export const signbit = (x: Node): Node => {
  if (x.dtype === 'bool' || x.dtype === 'u8') return everywhere(false, x);
  return lt(isFloat(x.dtype) ? graph.binary('copysign', constantLike(1, x), x) : x, 0);
};

const ignoringNaN =
  (op: string, join: (a: Node, b: Node) => Node) =>
  (a: Operand, b: Operand): Node => {
    const [x, y] = align(op, [a, b]);
    return isFloat(x.dtype) ? graph.where(isnan(y), x, graph.where(isnan(x), y, join(x, y))) : join(x, y);
  };

/** The larger of two numbers; where one of them is NaN, the other. Equal ones share the gradient. */
export const fmax = ignoringNaN('fmax', maximum);

/** The smaller of two numbers; where one of them is NaN, the other. Equal ones share the gradient. */
export const fmin = ignoringNaN('fmin', minimum);

/** 0 below 0, 1 above, `values` at 0; 0 for NaN. */
export function heaviside(a: Operand, values: Operand): Node {
  const [x, atZero] = align('heaviside', [a, values]);
  return graph.where(eq(x, 0), atZero, graph.cast(x.dtype === 'bool' ? x : lt(0, x), x.dtype));
}

/** How far apart two close numbers may be: |a - b| <= atol + rtol |b|. */
export interface CloseOptions {
  /** Default: 1e-5. */
  readonly rtol?: number;
  /** Default: 1e-8. */
  readonly atol?: number;
  /** Whether two NaN count as close. Default: false. */
  readonly equalNan?: boolean;
}

/** Infinities are close to themselves only. Integers are compared exactly, or by their distance in f32. */
export function isclose(
  a: Operand,
  b: Operand,
  { rtol = 1e-5, atol = 1e-8, equalNan = false }: CloseOptions = {},
): Node {
  if (!(rtol >= 0 && atol >= 0))
    throw new RangeError(`isclose: rtol and atol must be at least 0, got ${rtol} and ${atol}`);
  const [x, y] = align('isclose', [a, b]);
  const same = equalNan ? logicalOr(eq(x, y), logicalAnd(isnan(x), isnan(y))) : eq(x, y);
  const [left, right] = [floating(x), floating(y)];
  const distance = abs(sub(left, right));
  const allowed = add(mul(abs(right), rtol), atol);
  return logicalOr(same, logicalAnd(isfinite(distance), le(distance, allowed)));
}
