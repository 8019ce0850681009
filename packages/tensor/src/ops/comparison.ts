/** Comparisons, logic, selection. All comparisons with NaN are false, except `ne`. */

import * as graph from '../graph/graph.ts';
import type { BinaryOp, Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import { broadcastShapes } from '../kernel/shape.ts';
import { align, broadcastTo, commonDtype, constantLike, type Operand } from './operand.ts';

/** Aligns operands for `lt`, which is not defined for bool: they are compared as i32. */
function alignOrdered(op: string, a: Operand, b: Operand): [Node, Node] {
  const dtype = commonDtype([a, b]);
  return align(op, [a, b], dtype === 'bool' ? 'i32' : dtype);
}

export const lt = (a: Operand, b: Operand): Node => graph.binary('lt', ...alignOrdered('lt', a, b));
export const gt = (a: Operand, b: Operand): Node => lt(b, a);

export function le(a: Operand, b: Operand): Node {
  const [x, y] = alignOrdered('le', a, b);
  // For floating-point numbers not(y < x) would be true for NaN.
  if (!isFloat(x.dtype)) return logicalNot(graph.binary('lt', y, x));
  return graph.binary('or', graph.binary('lt', x, y), graph.binary('eq', x, y));
}

export const ge = (a: Operand, b: Operand): Node => le(b, a);

export function eq(a: Operand, b: Operand): Node {
  const [x, y] = align('eq', [a, b]);
  return graph.binary('eq', x, y);
}

export const ne = (a: Operand, b: Operand): Node => logicalNot(eq(a, b));

/** True where the value is 0 (false). */
export const logicalNot = (x: Node): Node => graph.binary('eq', x, constantLike(0, x));

const logical =
  (op: string, kind: BinaryOp) =>
  (a: Operand, b: Operand): Node => {
    const [x, y] = align(op, [a, b], 'bool');
    return graph.binary(kind, x, y);
  };

export const logicalAnd = logical('logicalAnd', 'and');
export const logicalOr = logical('logicalOr', 'or');

/** `yes` where the condition is true (not 0), `no` elsewhere. */
export function where(condition: Node, yes: Operand, no: Operand, dtype: DType = commonDtype([yes, no])): Node {
  const test = graph.cast(condition, 'bool');
  const [a, b] = align('where', [yes, no], dtype);
  const shape = broadcastShapes(test.shape, a.shape, 'where');
  return graph.where(broadcastTo(test, shape), broadcastTo(a, shape), broadcastTo(b, shape));
}
