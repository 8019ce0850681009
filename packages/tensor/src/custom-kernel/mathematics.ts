/** The functions of JavaScript's Math on nodes. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import * as ops from '../ops/index.ts';
import { align } from '../ops/operand.ts';

/** -1 or 1 with the sign of x; zeros and NaN themselves. */
function sign(x: Node): Node {
  const itself = ops.logicalOr(ops.eq(x, 0), ops.isnan(x));
  return graph.where(itself, x, ops.sign(x));
}

/** To the nearest whole number, halves up. The fraction is exact, where the sum x + 1/2 may be rounded up. */
function round(x: Node): Node {
  const below = ops.floor(x);
  const rounded = ops.where(ops.lt(ops.sub(x, below), 0.5), below, ops.ceil(x));
  return ops.copysign(rounded, x);
}

/** |x|^(1/3) by way of logarithms, and one step of Newton's method; with the sign of x. Zeros and infinities are their own roots. */
function cbrt(x: Node): Node {
  const magnitude = ops.abs(x);
  const itself = ops.logicalOr(ops.eq(x, 0), ops.isinf(x));
  const safe = ops.where(itself, 1, magnitude);
  const guess = ops.exp2(ops.mul(ops.log2(safe), 1 / 3));
  const root = ops.sub(guess, ops.mul(ops.sub(guess, ops.div(safe, ops.square(guess))), 1 / 3));
  const value = ops.copysign(graph.where(itself, magnitude, root), x);
  return graph.custom(value, [x], {
    name: 'cbrt',
    backward: (gradient, _inputs, y) => [ops.div(gradient, ops.mul(ops.square(y), 3))],
  });
}

/** Functions of one floating-point node. */
export const unaryMath: Readonly<Record<string, (x: Node) => Node>> = {
  abs: ops.abs,
  acos: ops.acos,
  acosh: ops.acosh,
  asin: ops.asin,
  asinh: ops.asinh,
  atan: ops.atan,
  atanh: ops.atanh,
  cbrt,
  ceil: ops.ceil,
  cos: ops.cos,
  cosh: ops.cosh,
  exp: ops.exp,
  expm1: ops.expm1,
  floor: ops.floor,
  fround: (x) => graph.cast(graph.cast(x, 'f32'), x.dtype),
  log: ops.log,
  log1p: ops.log1p,
  log10: ops.log10,
  log2: ops.log2,
  round,
  sign,
  sin: ops.sin,
  sinh: ops.sinh,
  sqrt: ops.sqrt,
  tan: ops.tan,
  tanh: ops.tanh,
  trunc: ops.trunc,
};

/** Functions of two floating-point nodes. */
export const binaryMath: Readonly<Record<string, (a: Node, b: Node) => Node>> = {
  atan2: ops.atan2,
  hypot: ops.hypot,
};

/** JavaScript's %: a - b * trunc(a / b), exact, with the sign of the dividend. */
export const remainder = (a: Node, b: Node): Node => graph.binary('mod', ...align('%', [a, b]));
