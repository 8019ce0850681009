/** Operations on bits, and division with a whole quotient. */

import * as graph from '../graph/graph.ts';
import type { BinaryOp, Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { ne } from './comparison.ts';
import { add, div, floor, mul, sub } from './elementwise.ts';
import { align, constantLike, type Operand } from './operand.ts';

const bitwise =
  (op: string, kind: BinaryOp) =>
  (a: Operand, b: Operand): Node => {
    const [x, y] = align(op, [a, b]);
    if (isFloat(x.dtype)) throw new RangeError(`${op}: needs integers, got ${x.dtype}`);
    return graph.binary(kind, x, y);
  };

export const bitAnd = bitwise('bitAnd', 'and');
export const bitOr = bitwise('bitOr', 'or');
export const bitXor = bitwise('bitXor', 'xor');
export const shiftLeft = bitwise('shiftLeft', 'shl');
export const shiftRight = bitwise('shiftRight', 'shr');

/** The truncated remainder, and whether the quotient's floor is one less than its truncation, that is, remainder and `y` differ in sign. */
function truncatedRemainder(x: Node, y: Node): { remainder: Node; below: Node } {
  const remainder = graph.binary('mod', x, y);
  const zero = constantLike(0, x);
  const differ = isFloat(x.dtype)
    ? graph.binary('xor', graph.binary('lt', remainder, zero), graph.binary('lt', y, zero))
    : graph.binary('lt', graph.binary('xor', remainder, y), zero);
  return { remainder, below: graph.binary('and', ne(remainder, 0), differ) };
}

/**
 * a - b * floor(a / b), exact, with the sign of b like Python's %. For integers 0 where b is 0. The derivative with respect to b is
 * -floor(a / b).
 */
export function remainder(a: Operand, b: Operand): Node {
  const [x, y] = align('remainder', [a, b]);
  if (!isFloat(x.dtype) && x.dtype !== 'i32') return graph.binary('mod', x, y);
  const { remainder, below } = truncatedRemainder(x, y);
  const value = graph.where(below, graph.binary('add', remainder, y), remainder);
  if (!isFloat(x.dtype)) return value;
  return graph.custom(value, [x, y], {
    name: 'remainder',
    backward: (gradient) => [gradient, graph.unary('neg', mul(gradient, floorDivide(x, y)))],
  });
}

/** floor(a / b), exact; for integers 0 where b is 0. The derivative is 0. */
export function floorDivide(a: Operand, b: Operand): Node {
  const [x, y] = align('floorDivide', [a, b]);
  if (isFloat(x.dtype)) return floorOfQuotient(x, y);
  const quotient = graph.binary('idiv', x, y);
  if (x.dtype !== 'i32') return quotient;
  return sub(quotient, graph.cast(truncatedRemainder(x, y).below, 'i32'));
}

/**
 * The floor of a quotient of floats, which the rounded quotient may exceed: what is left after the exact remainder is divided, as in
 * Python and PyTorch. Where y is 0 it is the quotient, and 0 has the quotient's sign.
 */
function floorOfQuotient(x: Node, y: Node): Node {
  const quotient = div(x, y);
  const { remainder, below } = truncatedRemainder(x, y);
  const truncated = div(sub(x, remainder), y);
  const estimate = graph.where(below, sub(truncated, 1), truncated);
  // The estimate is a whole number up to its rounding.
  const lower = floor(estimate);
  const whole = graph.where(graph.binary('lt', constantLike(0.5, x), sub(estimate, lower)), add(lower, 1), lower);
  const zero = constantLike(0, x);
  const signed = graph.where(graph.binary('eq', whole, zero), mul(quotient, 0), whole);
  const value = graph.where(graph.binary('eq', y, zero), quotient, signed);
  return graph.custom(value, [x, y], { name: 'floorDivide', backward: () => [zero, zero] });
}
