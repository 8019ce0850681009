/** Arithmetic and elementary functions, composed of the primitives of the graph. */

import * as graph from '../graph/graph.ts';
import type { BinaryOp, Node, UnaryOp } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { align, commonDtype, constantLike, floating, type Operand } from './operand.ts';

function binary(name: string, kind: BinaryOp, a: Operand, b: Operand): Node {
  const [x, y] = align(name, [a, b]);
  return graph.binary(kind, x, y);
}

export const add = (a: Operand, b: Operand): Node => binary('add', 'add', a, b);
export const mul = (a: Operand, b: Operand): Node => binary('mul', 'mul', a, b);
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

/** Values below `min` become `min`, above `max` become `max`; NaN stays NaN. The gradient flows at the bounds themselves. */
export function clamp(source: Node, min?: Operand, max?: Operand): Node {
  if (min === undefined && max === undefined) throw new RangeError('clamp: needs min, max or both');
  let result = source;
  if (min !== undefined) {
    const [x, low] = align('clamp', [result, min]);
    result = graph.where(graph.binary('lt', x, low), low, x);
  }
  if (max !== undefined) {
    const [x, high] = align('clamp', [result, max]);
    result = graph.where(graph.binary('lt', high, x), high, x);
  }
  return result;
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
export const square = (x: Node): Node => mul(x, x);

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
  const x = base.dtype === 'bool' ? graph.cast(base, 'i32') : base;
  if (!isFloat(x.dtype) && typeof exponent === 'number' && Number.isInteger(exponent) && exponent >= 0)
    return integerPower(x, exponent);
  const dtype = commonDtype([x, exponent]);
  if (typeof exponent !== 'number' && !isFloat(dtype)) return powerOfIntegers(...align('pow', [x, exponent], dtype));
  return graph.binary('pow', ...align('pow', [x, exponent], isFloat(dtype) ? dtype : 'f32'));
}
