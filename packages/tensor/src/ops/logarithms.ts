/** Exponentials and logarithms to several bases, and what is composed of them. */
import * as graph from '../graph/graph.ts';
import type { Node, UnaryOp } from '../graph/node.ts';
import { eq, le, logicalAnd, lt, where } from './comparison.ts';
import { withSlope, withSlopes } from './derivative.ts';
import { abs, add, div, exp, log, mul, neg, reciprocal, sigmoid, sub } from './elementwise.ts';
import { isnan } from './floats.ts';
import { alignFloating, constantLike, floating, type Operand } from './operand.ts';

const floatUnary =
  (kind: UnaryOp) =>
  (x: Node): Node =>
    graph.unary(kind, floating(x));

export const expm1 = floatUnary('expm1');
export const exp2 = floatUnary('exp2');
export const log1p = floatUnary('log1p');
export const log2 = floatUnary('log2');
export const log10 = floatUnary('log10');

/** |a - b|, and 0 where both are the same infinity. */
const distance = (a: Node, b: Node): Node => graph.where(eq(a, b), constantLike(0, a), abs(sub(a, b)));

/** log(exp(a) + exp(b)) = max + log(1 + exp(-|a - b|)). The derivative with respect to a is sigmoid(a - b). */
export function logaddexp(a: Operand, b: Operand): Node {
  const [x, y] = alignFloating('logaddexp', [a, b]);
  const value = add(graph.binary('max', x, y), log1p(exp(neg(distance(x, y)))));
  return withSlopes('logaddexp', [x, y], value, (p, q) => [sigmoid(sub(p, q)), sigmoid(sub(q, p))]);
}

/** log2(2^a + 2^b). */
export function logaddexp2(a: Operand, b: Operand): Node {
  const [x, y] = alignFloating('logaddexp2', [a, b]);
  const rest = mul(log1p(exp2(neg(distance(x, y)))), Math.LOG2E);
  const share = (p: Node, q: Node): Node => sigmoid(mul(sub(p, q), Math.LN2));
  return withSlopes('logaddexp2', [x, y], add(graph.binary('max', x, y), rest), (p, q) => [share(p, q), share(q, p)]);
}

/** a log(b), and 0 where a is 0, unless b is NaN. */
export function xlogy(a: Operand, b: Operand): Node {
  const [x, y] = alignFloating('xlogy', [a, b]);
  const zero = constantLike(0, x);
  const isZero = eq(x, 0);
  const value = graph.where(isnan(y), y, graph.where(isZero, zero, mul(x, log(y))));
  return withSlopes('xlogy', [x, y], value, (p, q) => [where(logicalAnd(eq(p, 0), le(q, 0)), 0, log(q)), div(p, q)]);
}

/**
 * log(x / (1 - x)); NaN outside of [0, 1]. With `eps`, x is first clamped to [eps, 1 - eps]. Near 1/2, where the quotient is near 1, it is
 * log1p((2x - 1) / (1 - x)), whose argument is exact.
 */
export function logit(source: Node, eps?: number): Node {
  const x = floating(source);
  const z = eps === undefined ? x : where(lt(x, eps), eps, where(lt(1 - eps, x), 1 - eps, x));
  const rest = sub(1, z);
  const isMiddle = logicalAnd(lt(0.25, z), lt(z, 0.75));
  const middle = log1p(div(sub(add(z, z), 1), rest));
  const value = graph.where(isMiddle, middle, log(div(z, rest)));
  return withSlope('logit', x, value, (p) => {
    const slope = reciprocal(mul(p, sub(1, p)));
    if (eps === undefined) return where(logicalAnd(le(0, p), le(p, 1)), slope, Number.NaN);
    return where(logicalAnd(le(eps, p), le(p, 1 - eps)), slope, 0);
  });
}
