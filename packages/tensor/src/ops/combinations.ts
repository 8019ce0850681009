/** Sums and products of two or three tensors in one call. All operands are brought to one dtype first. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { castNumber, isFloat } from '../kernel/dtype.ts';
import { lt, where } from './comparison.ts';
import { abs, add, div, mul, sub } from './elementwise.ts';
import { align, alignFloating, constantLike, type Operand } from './operand.ts';

/** x times a factor, in the dtype of x. */
function scaled(op: string, x: Node, factor: number): Node {
  if (factor === 1) return x;
  const isPossible = isFloat(x.dtype) || (x.dtype === 'bool' ? factor === 0 : Number.isInteger(factor));
  if (!isPossible) {
    const needed = x.dtype === 'bool' ? '0 or 1' : 'a whole number';
    throw new RangeError(`${op}: the factor of ${x.dtype} tensors must be ${needed}, got ${factor}; cast them first`);
  }
  const value = constantLike(castNumber[x.dtype](factor), x);
  return x.dtype === 'bool' ? value : graph.binary('mul', x, value);
}

/** a + alpha b. */
export function addScaled(a: Operand, b: Operand, alpha: number): Node {
  if (alpha === 1) return add(a, b);
  const [x, y] = align('add', [a, b]);
  return add(x, scaled('add', y, alpha));
}

/** a - alpha b. */
export function subScaled(a: Operand, b: Operand, alpha: number): Node {
  if (alpha === 1) return sub(a, b);
  const [x, y] = align('sub', [a, b]);
  return sub(x, scaled('sub', y, alpha));
}

/** a + value b c. */
export function addcmul(a: Operand, b: Operand, c: Operand, value = 1): Node {
  const [x, y, z] = align('addcmul', [a, b, c]);
  return add(x, mul(scaled('addcmul', y, value), z));
}

/** a + value b / c, in floating point. */
export function addcdiv(a: Operand, b: Operand, c: Operand, value = 1): Node {
  const [x, y, z] = alignFloating('addcdiv', [a, b, c]);
  return add(x, div(scaled('addcdiv', y, value), z));
}

/** start + weight (end - start), from the nearer end: exactly `start` at 0 and `end` at 1. */
export function lerp(start: Operand, end: Operand, weight: Operand): Node {
  const [a, b, w] = alignFloating('lerp', [start, end, weight]);
  const difference = sub(b, a);
  const fromStart = add(a, mul(difference, w));
  const fromEnd = sub(b, mul(difference, sub(1, w)));
  if (typeof weight === 'number') return Math.abs(weight) < 0.5 ? fromStart : fromEnd;
  return where(lt(abs(w), 0.5), fromStart, fromEnd);
}
