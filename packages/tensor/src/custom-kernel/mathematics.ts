/** The functions of JavaScript's Math on nodes. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import * as ops from '../ops/index.ts';
import { align } from '../ops/operand.ts';

const trunc = (x: Node): Node => ops.mul(ops.sign(x), ops.floor(ops.abs(x)));

/** exp(x) - 1 = tanh(x/2) (exp(x) + 1), which is accurate near 0. */
const expm1 = (x: Node): Node => ops.mul(ops.tanh(ops.mul(x, 0.5)), ops.add(ops.exp(x), 1));

/** Functions of one floating-point node. */
export const unaryMath: Readonly<Record<string, (x: Node) => Node>> = {
  abs: ops.abs,
  ceil: (x) => ops.neg(ops.floor(ops.neg(x))),
  cos: ops.cos,
  cosh: (x) => ops.mul(ops.add(ops.exp(x), ops.exp(ops.neg(x))), 0.5),
  exp: ops.exp,
  expm1,
  floor: ops.floor,
  fround: (x) => graph.cast(graph.cast(x, 'f32'), x.dtype),
  log: ops.log,
  log1p,
  log10: (x) => ops.mul(ops.log(x), Math.LOG10E),
  log2: (x) => ops.mul(ops.log(x), Math.LOG2E),
  round: (x) => ops.floor(ops.add(x, 0.5)),
  sign: ops.sign,
  sin: ops.sin,
  sinh: (x) => ops.mul(ops.sub(expm1(x), expm1(ops.neg(x))), 0.5),
  sqrt: ops.sqrt,
  tan: (x) => ops.div(ops.sin(x), ops.cos(x)),
  tanh: ops.tanh,
  trunc,
};

/**
 * log(1 + x), accurate near 0: log(u) x / (u - 1) with u = 1 + x (W. Kahan, HP-15C manual, 1982). Its derivative is defined here, because
 * the one that follows from the formula is not accurate.
 */
function log1p(x: Node): Node {
  const u = ops.add(x, 1);
  const excess = ops.sub(u, 1);
  const exact = ops.eq(excess, 0);
  const value = ops.where(exact, x, ops.div(ops.mul(ops.log(u), x), ops.where(exact, 1, excess)));
  return graph.custom(value, [x], {
    name: 'log1p',
    backward: (gradient, [source = x]) => [ops.div(gradient, ops.add(source, 1))],
  });
}

/** JavaScript's %: a - b * trunc(a / b), exact, with the sign of the dividend. */
export const remainder = (a: Node, b: Node): Node => graph.binary('mod', ...align('%', [a, b]));
