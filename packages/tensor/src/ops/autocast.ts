/**
 * Mixed precision (Micikevicius et al. 2018): within `autocast`, matrix products and convolutions have operands and results of a two-byte
 * type, while functions that involve sums or exponentials of many values are computed, and return their results, in f32.
 */

import * as graph from '../graph/graph.ts';
import { makeNode, type Node, withGradients } from '../graph/node.ts';
import { type HalfDType, isHalf } from '../kernel/dtype.ts';

/** The precision that a model is computed in. `f32` is full precision. */
export type Precision = 'f32' | HalfDType;

export const precisions = ['f32', 'f16', 'bf16'] as const satisfies readonly Precision[];

let current: Precision = 'f32';

/**
 * Runs `body`; the operations recorded in it use mixed precision (with `f32`, full precision), as with `torch.autocast`:
 *
 * - `matmul` and `einsum` of two operands, and therefore linear layers, convolutions and attention, cast operands of f32 (and of the
 *   other two-byte type) to `precision`; products with an operand of f64 do not change;
 * - layer normalization, losses, `mean`, `variance`, `std`, `norm`, `logSoftmax` and `logsumexp` return f32;
 * - all other operations follow their operands: f32 and `precision` together result in f32.
 *
 * Parameters and their gradients stay f32. `body` must not be asynchronous. A compiled function is recorded with the precision that is set
 * inside of it, not with the one around its call.
 */
export function autocast<T>(precision: Precision, body: () => T): T {
  if (!precisions.includes(precision))
    throw new RangeError(`autocast: the precision must be ${precisions.join(', ')}, got '${String(precision)}'`);
  const outer = current;
  current = precision;
  try {
    const result = body();
    if (result instanceof Promise)
      throw new TypeError('autocast: the function must not be asynchronous; await values after it');
    return result;
  } finally {
    current = outer;
  }
}

/** The precision of the innermost `autocast`; f32 outside. */
export const autocastPrecision = (): Precision => current;

const movesElements: ReadonlySet<string> = new Set(['reshape', 'permute', 'expand', 'pad', 'flip', 'window']);

/**
 * Casts the value, below its views: the windows of a convolution, for example, are then a view of its input in two bytes, and no element
 * is copied once for each window that contains it.
 */
function castBelowViews(node: Node, dtype: HalfDType): Node {
  if (node.dtype === dtype) return node;
  const [source] = node.sources;
  if (source !== undefined && movesElements.has(node.op)) {
    const moved = castBelowViews(source, dtype);
    return withGradients(node.differentiable, () => makeNode(node.op, [moved], node.arg, node.shape, dtype));
  }
  // It was just widened, which is exact.
  if (source?.dtype === dtype && node.op === 'unary' && node.arg.kind === 'cast' && node.dtype === 'f32') return source;
  return graph.cast(node, dtype);
}

/** The operands of a product in the dtype in which `autocast` computes it; null if that changes nothing. */
export function productOperands(a: Node, b: Node): [Node, Node] | null {
  const precision = current;
  if (precision === 'f32' || a.dtype === 'f64' || b.dtype === 'f64') return null;
  return [castBelowViews(a, precision), castBelowViews(b, precision)];
}

/**
 * Computes in f32 what would lose precision in two bytes. The result has the dtype of the source, but stays f32 within `autocast`.
 */
export function inSingle(source: Node, compute: (source: Node) => Node): Node {
  if (!isHalf(source.dtype)) return compute(source);
  const result = compute(graph.cast(source, 'f32'));
  return current === 'f32' ? graph.cast(result, source.dtype) : result;
}
