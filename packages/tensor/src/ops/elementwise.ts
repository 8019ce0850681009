/** Arithmetic and elementary functions, composed of the primitives of the graph. */

import * as graph from '../graph/graph.ts';
import type { BinaryOp, Node, UnaryOp } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { align, commonDtype, constantLike, floating, type Operand } from './operand.ts';

function binary(name: string, kind: BinaryOp, a: Operand, b: Operand): Node {
  const [x, y] = align(name, [a, b]);
  return graph.binary(kind, x, y);
}

/** The same for dtypes of numbers; for two operands of bool the logical operation that PyTorch computes. */
const orLogical =
  (kind: 'add' | 'mul', logical: 'or' | 'and') =>
  (a: Operand, b: Operand): Node => {
    const [x, y] = align(kind, [a, b]);
    return graph.binary(x.dtype === 'bool' ? logical : kind, x, y);
  };

/** a + b; of bool, whether one of the two holds. */
export const add = orLogical('add', 'or');
/** a * b; of bool, whether both hold. */
export const mul = orLogical('mul', 'and');
export const maximum = (a: Operand, b: Operand): Node => binary('maximum', 'max', a, b);

/** a - b = a + (-b). */
export function sub(a: Operand, b: Operand): Node {
  const [x, y] = align('sub', [a, b]);
  if (x.dtype === 'bool') throw new RangeError('sub: is not defined for bool; cast first');
  return graph.binary('add', x, negated(y));
}

/** a / b, rounded once, in floating point: integers become f32. */
export function div(a: Operand, b: Operand): Node {
  const dtype = commonDtype([a, b]);
  const [x, y] = align('div', [a, b], isFloat(dtype) ? dtype : 'f32');
  return graph.binary('div', x, y);
}

/** -x. A constant is negated at once, except the smallest integer, whose negative i32 cannot represent. */
const negated = (x: Node): Node =>
  x.op === 'const' && x.arg.value !== -(2 ** 31) ? constantLike(-x.arg.value, x) : graph.unary('neg', x);

/** The smaller one; NaN if either is. */
export function minimum(a: Operand, b: Operand): Node {
  const [x, y] = align('minimum', [a, b]);
  if (x.dtype === 'bool') return graph.binary('and', x, y);
  if (!isFloat(x.dtype)) return graph.where(graph.binary('lt', y, x), y, x);
  return graph.unary('neg', graph.binary('max', negated(x), negated(y)));
}

/** Values below `min` become `min`, above `max` become `max`; NaN stays NaN, and a bound of NaN makes NaN. The gradient flows at the bounds. */
export function clamp(source: Node, min?: Operand, max?: Operand): Node {
  if (min === undefined && max === undefined) throw new RangeError('clamp: needs min, max or both');
  const bounded = (
    x: Node,
    bound: Operand | undefined,
    isBeyond: (x: Node, limit: Node) => Node,
    ofTruth: 'or' | 'and',
  ): Node => {
    if (bound === undefined) return x;
    const [value, limit] = align('clamp', [x, bound]);
    if (value.dtype === 'bool') return graph.binary(ofTruth, value, limit);
    if (limit.op === 'const' && Number.isNaN(limit.arg.value)) return limit;
    const beyond = isBeyond(value, limit);
    if (!isFloat(limit.dtype) || limit.op === 'const') return graph.where(beyond, limit, value);
    const isNumber = graph.binary('eq', limit, limit);
    const isNone = graph.binary('xor', isNumber, constantLike(1, isNumber));
    return graph.where(graph.binary('or', beyond, isNone), limit, value);
  };
  const low = bounded(source, min, (x, limit) => graph.binary('lt', x, limit), 'or');
  return bounded(low, max, (x, limit) => graph.binary('lt', limit, x), 'and');
}

export const neg = (x: Node): Node => graph.unary('neg', x);
export const floor = (x: Node): Node => graph.unary('floor', x);

const floatUnary =
  (kind: UnaryOp) =>
  (x: Node): Node =>
    graph.unary(kind, floating(x));

export const reciprocal = floatUnary('recip');
export const sqrt = floatUnary('sqrt');
export const exp = floatUnary('exp');
export const log = floatUnary('log');
export const sin = floatUnary('sin');
export const cos = floatUnary('cos');
export const tanh = floatUnary('tanh');
export const erf = floatUnary('erf');
export const erfc = floatUnary('erfc');

export const rsqrt = (x: Node): Node => reciprocal(sqrt(x));
export function square(source: Node): Node {
  const x = source.dtype === 'bool' ? graph.cast(source, 'i32') : source;
  return mul(x, x);
}

/** max(x, -x). The gradient of a maximum is shared on ties, so the slope at 0 is 0. */
export const abs = (x: Node): Node =>
  x.dtype === 'u8' || x.dtype === 'bool' ? x : graph.binary('max', x, graph.unary('neg', x));

/** -1, 0 or 1; 0 for NaN. */
export function sign(x: Node): Node {
  if (x.dtype === 'bool') return x;
  const zero = constantLike(0, x);
  const negative = graph.where(graph.binary('lt', x, zero), constantLike(-1, x), zero);
  return graph.where(graph.binary('lt', zero, x), constantLike(1, x), x.dtype === 'u8' ? zero : negative);
}

/**
 * max(x, 0); NaN for NaN. It is a selection, so that the slope at 0 is 0 as in PyTorch: exact zeros are frequent, for example after
 * another rectifier.
 */
export function relu(x: Node): Node {
  const zero = constantLike(0, x);
  return graph.where(graph.binary('eq', graph.binary('max', x, zero), zero), zero, x);
}

/**
 * 1 / (1 + exp(-x)). Its derivative is defined as y * (1 - y): derived from the formula it would be 0 * infinity for large negative x.
 */
export function sigmoid(source: Node): Node {
  const x = floating(source);
  const value = reciprocal(add(exp(neg(x)), 1));
  return graph.custom(value, [x], {
    name: 'sigmoid',
    backward: (gradient, _inputs, y) => [mul(gradient, mul(y, sub(1, y)))],
  });
}

/** x^n for integers x and a whole number n of at least 0, by repeated squaring: exact, and wraps around. */
function integerPower(x: Node, n: number): Node {
  if (n === 0) return constantLike(1, x);
  if (n === 1) return x;
  const half = integerPower(x, Math.floor(n / 2));
  const even = graph.binary('mul', half, half);
  return n % 2 === 0 ? even : graph.binary('mul', even, x);
}

/**
 * a^b for integers, by repeated squaring over the bits of b: exact, and wraps around. As in PyTorch, a negative exponent makes 0, except
 * that 1 and -1 keep their powers.
 */
function powerOfIntegers(a: Node, b: Node): Node {
  let result = constantLike(1, a);
  let square = a;
  const bits = a.dtype === 'u8' ? 8 : 31;
  for (let bit = 0; bit < bits; bit++) {
    const isSet = graph.cast(graph.binary('and', b, constantLike(2 ** bit, b)), 'bool');
    result = graph.where(isSet, graph.binary('mul', result, square), result);
    if (bit + 1 < bits) square = graph.binary('mul', square, square);
  }
  if (a.dtype === 'u8') return result;
  const [zero, one] = [constantLike(0, a), constantLike(1, a)];
  const isUnit = graph.binary('eq', graph.binary('max', a, graph.unary('neg', a)), one);
  return graph.where(graph.binary('lt', b, zero), graph.where(isUnit, result, zero), result);
}

/**
 * base^exponent. Floats as in C: NaN for a negative base with a fractional exponent, 1 for the exponent 0 and for the base 1. Integers are
 * exact and wrap around; with a negative number as the exponent they become f32.
 */
export function pow(base: Node, exponent: Operand): Node {
  const x = base.dtype === 'bool' && typeof exponent === 'number' ? graph.cast(base, 'i32') : base;
  if (typeof exponent === 'number')
    return !isFloat(x.dtype) && Number.isInteger(exponent) && exponent >= 0
      ? integerPower(x, exponent)
      : graph.power(floating(x), exponent);
  const common = commonDtype([x, exponent]);
  const dtype = common === 'bool' ? 'i32' : common;
  const [a, b] = align('pow', [x, exponent], dtype);
  return isFloat(dtype) ? graph.binary('pow', a, b) : powerOfIntegers(a, b);
}
