/** Sums and products of two or three tensors in one call. */
import type { Node } from '../graph/node.ts';
import { lt, where } from './comparison.ts';
import { abs, add, div, mul, sub } from './elementwise.ts';
import type { Operand } from './operand.ts';

const scaled = (x: Operand, factor: number): Operand =>
  factor === 1 ? x : typeof x === 'number' ? x * factor : mul(x, factor);

/** a + alpha b. */
export const addScaled = (a: Operand, b: Operand, alpha: number): Node => add(a, scaled(b, alpha));

/** a - alpha b. */
export const subScaled = (a: Operand, b: Operand, alpha: number): Node => sub(a, scaled(b, alpha));

/** a + value b c. */
export const addcmul = (a: Operand, b: Operand, c: Operand, value = 1): Node => add(a, mul(scaled(b, value), c));

/** a + value b / c, in floating point. */
export const addcdiv = (a: Operand, b: Operand, c: Operand, value = 1): Node => add(a, div(scaled(b, value), c));

/** start + weight (end - start), from the nearer end: exactly `start` at 0 and `end` at 1. */
export function lerp(start: Operand, end: Operand, weight: Operand): Node {
  const difference = sub(end, start);
  const fromStart = add(start, mul(difference, weight));
  const fromEnd = sub(end, mul(difference, sub(1, weight)));
  if (typeof weight === 'number') return Math.abs(weight) < 0.5 ? fromStart : fromEnd;
  return where(lt(abs(weight), 0.5), fromStart, fromEnd);
}
