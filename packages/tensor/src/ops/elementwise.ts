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

/** a / b = a * (1 / b), in floating point: integers become f32. */
export function div(a: Operand, b: Operand): Node {
  const dtype = commonDtype([a, b]);
  const [x, y] = align('div', [a, b], isFloat(dtype) ? dtype : 'f32');
  return graph.binary('mul', x, inverted(y));
}

/** -x. A constant is negated at once, except the smallest integer, whose negative i32 cannot represent. */
const negated = (x: Node): Node =>
  x.op === 'const' && x.arg.value !== -(2 ** 31) ? constantLike(-x.arg.value, x) : graph.unary('neg', x);

const inverted = (x: Node): Node => (x.op === 'const' ? constantLike(1 / x.arg.value, x) : graph.unary('recip', x));

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
export const tanh = floatUnary('tanh');
export const erf = floatUnary('erf');
export const erfc = floatUnary('erfc');

export const rsqrt = (x: Node): Node => reciprocal(sqrt(x));
export const square = (x: Node): Node => mul(x, x);
export const cos = (x: Node): Node => sin(add(floating(x), Math.PI / 2));

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

/** x^n for an integer n >= 1, by repeated squaring. Integers wrap around. */
function integerPower(x: Node, n: number): Node {
  if (n === 1) return x;
  const half = integerPower(x, Math.floor(n / 2));
  const even = graph.binary('mul', half, half);
  return n % 2 === 0 ? even : graph.binary('mul', even, x);
}

/** Powers with whole exponents up to this are products. */
const largestProduct = 64;

/** base^exponent; NaN for a negative base with a fractional exponent. */
export function pow(base: Node, exponent: Operand): Node {
  if (typeof exponent !== 'number') return generalPower(base, exponent);
  const product = Number.isInteger(exponent) && Math.abs(exponent) <= largestProduct;
  if (product && exponent >= 0) return exponent === 0 ? constantLike(1, base) : integerPower(base, exponent);
  const x = floating(base);
  if (product) return reciprocal(integerPower(x, -exponent));
  if (exponent === 0.5) return sqrt(x);
  if (exponent === -0.5) return rsqrt(x);
  return generalPower(x, exponent);
}

/** |a|^b = exp(b log |a|), with the sign of a where b is odd. The logarithm never sees a base of 0, so that derivatives are finite. */
function generalPower(base: Node, exponent: Operand): Node {
  const dtype = commonDtype([base, exponent]);
  const [a, b] = align('pow', [base, exponent], isFloat(dtype) ? dtype : 'f32');
  const zero = constantLike(0, a);
  const one = constantLike(1, a);
  const isZero = graph.binary('eq', a, zero);
  const magnitude = exp(mul(b, log(graph.where(isZero, one, abs(a)))));
  const half = mul(b, 0.5);
  const even = graph.binary('eq', floor(half), half);
  const whole = graph.binary('eq', floor(b), b);
  const ofNegative = graph.where(
    whole,
    graph.where(even, magnitude, graph.unary('neg', magnitude)),
    constantLike(Number.NaN, a),
  );
  const ofZero = graph.where(
    graph.binary('eq', b, zero),
    one,
    graph.where(graph.binary('lt', zero, b), zero, constantLike(Number.POSITIVE_INFINITY, a)),
  );
  return graph.where(isZero, ofZero, graph.where(graph.binary('lt', a, zero), ofNegative, magnitude));
}
