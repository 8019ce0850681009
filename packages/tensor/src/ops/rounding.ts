/** Rounding, and division with a rounded quotient. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { withSlopes } from './derivative.ts';
import { div, mul, neg, sub } from './elementwise.ts';
import { floorDivide } from './integer.ts';
import { align, commonDtype, constantLike, type Operand } from './operand.ts';

// Integers are whole already.

export const ceil = (x: Node): Node => (isFloat(x.dtype) ? graph.unary('ceil', x) : x);
export const trunc = (x: Node): Node => (isFloat(x.dtype) ? graph.unary('trunc', x) : x);

/** To the nearest whole number, halves to the even one; with `decimals`, to the nearest multiple of 10^-decimals. */
export function round(x: Node, decimals = 0): Node {
  if (!Number.isInteger(decimals)) throw new RangeError(`round: decimals must be a whole number, got ${decimals}`);
  if (decimals === 0) return isFloat(x.dtype) ? graph.unary('round', x) : x;
  if (!isFloat(x.dtype)) throw new RangeError(`round: decimals are for floating-point tensors, got ${x.dtype}`);
  // A negative power of 10 is not exact in binary: both directions use the positive one.
  const scale = 10 ** Math.abs(decimals);
  return decimals > 0
    ? div(graph.unary('round', mul(x, scale)), scale)
    : mul(graph.unary('round', div(x, scale)), scale);
}

/** x - trunc(x), with the sign of x. */
export const frac = (x: Node): Node => sub(x, trunc(x));

/** How a quotient is rounded: towards 0, or downwards. */
export type RoundingMode = 'trunc' | 'floor';

/** a / b, rounded. Of integers it is exact, and 0 where b is 0. */
export function divRounded(a: Operand, b: Operand, mode: RoundingMode): Node {
  switch (mode) {
    case 'floor':
      return floorDivide(a, b);
    case 'trunc': {
      const [x, y] = align('div', [a, b]);
      return isFloat(x.dtype) ? trunc(div(x, y)) : graph.binary('idiv', x, y);
    }
    default:
      throw new RangeError(`div: roundingMode must be 'trunc' or 'floor', got '${String(mode satisfies never)}'`);
  }
}

/** a - b * trunc(a / b), exact, with the sign of a. For integers 0 where b is 0. The derivative with respect to b is -trunc(a / b). */
export function fmod(a: Operand, b: Operand): Node {
  const dtype = commonDtype([a, b]);
  const [x, y] = align('fmod', [a, b], dtype === 'bool' ? 'i32' : dtype);
  const value = graph.binary('mod', x, y);
  if (!isFloat(value.dtype)) return value;
  return withSlopes('fmod', [x, y], value, (p, q) => [constantLike(1, p), graph.detach(neg(trunc(div(p, q))))]);
}
