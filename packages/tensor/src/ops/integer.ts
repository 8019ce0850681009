/** Operations on bits, and division with a whole quotient. */

import * as graph from '../graph/graph.ts';
import type { BinaryOp, Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { ne } from './comparison.ts';
import { div, floor, mul, sub } from './elementwise.ts';
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
  const differ = graph.binary('lt', graph.binary('xor', remainder, y), constantLike(0, x));
  return { remainder, below: graph.binary('and', ne(remainder, 0), differ) };
}

/** a - b * floor(a / b), with the sign of b like Python's %. For integers 0 where b is 0. */
export function remainder(a: Operand, b: Operand): Node {
  const [x, y] = align('remainder', [a, b]);
  if (isFloat(x.dtype)) return sub(x, mul(y, floor(div(x, y))));
  if (x.dtype !== 'i32') return graph.binary('mod', x, y);
  const { remainder, below } = truncatedRemainder(x, y);
  return graph.binary('add', remainder, graph.where(below, y, constantLike(0, y)));
}

/** floor(a / b), exact for integers; for integers 0 where b is 0. */
export function floorDivide(a: Operand, b: Operand): Node {
  const [x, y] = align('floorDivide', [a, b]);
  if (isFloat(x.dtype)) return floor(div(x, y));
  const quotient = graph.binary('idiv', x, y);
  if (x.dtype !== 'i32') return quotient;
  return sub(quotient, graph.cast(truncatedRemainder(x, y).below, 'i32'));
}
