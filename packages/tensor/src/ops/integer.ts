/** Operations on bits, and division with a whole quotient. */
import { isFloat } from '../dtype.ts';
import * as graph from '../graph.ts';
import type { BinaryOp, Node } from '../node.ts';
import { div, floor, mul, sub } from './elementwise.ts';
import { align, type Operand } from './operand.ts';

const bitwise =
  (op: string, kind: BinaryOp) =>
  (a: Operand, b: Operand): Node => {
    const [x, y] = align(op, [a, b]) as [Node, Node];
    if (isFloat(x.dtype)) throw new RangeError(`${op}: needs integers, got ${x.dtype}`);
    return graph.binary(kind, x, y);
  };

export const bitAnd = bitwise('bitAnd', 'and');
export const bitOr = bitwise('bitOr', 'or');
export const bitXor = bitwise('bitXor', 'xor');
export const shiftLeft = bitwise('shiftLeft', 'shl');
export const shiftRight = bitwise('shiftRight', 'shr');

/** a - b * floor(a / b): has the sign of b, as Python's %. For integers 0 where b is 0. */
export function remainder(a: Operand, b: Operand): Node {
  const [x, y] = align('remainder', [a, b]) as [Node, Node];
  if (isFloat(x.dtype)) return sub(x, mul(y, floor(div(x, y))));
  const truncated = graph.binary('mod', x, y);
  if (x.dtype === 'u8') return truncated;
  return graph.binary('mod', graph.binary('add', truncated, y), y);
}

/** floor(a / b), exact for integers; for integers 0 where b is 0. */
export function floorDivide(a: Operand, b: Operand): Node {
  const [x, y] = align('floorDivide', [a, b]) as [Node, Node];
  if (isFloat(x.dtype)) return floor(div(x, y));
  if (x.dtype === 'u8') return graph.binary('idiv', x, y);
  return graph.binary('idiv', sub(x, remainder(x, y)), y);
}
