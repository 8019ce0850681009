/**
 * Mixed precision (Micikevicius et al. 2018): within `autocast`, matrix products and convolutions take their operands in a type of two
 * bytes and give their results in it, while what follows sums or exponentials of many values is computed, and handed on, in f32.
 */

import * as graph from '../graph/graph.ts';
import { makeNode, type Node, withGradients } from '../graph/node.ts';
import { type HalfDType, isHalf } from '../kernel/dtype.ts';

/** What a model is computed in. `f32` is full precision. */
export type Precision = 'f32' | HalfDType;

export const precisions = ['f32', 'f16', 'bf16'] as const satisfies readonly Precision[];

let current: Precision = 'f32';

/**
 * Runs `body`; the operations recorded in it use mixed precision, or with `f32` none, as `torch.autocast` does:
 *
 * - `matmul` and `einsum` of two operands, and with them linear layers, convolutions and attention, cast operands of f32 (and of the
 *   other type of two bytes) to `precision`; products with an operand of f64 stay as they are;
 * - layer normalisation, losses, `mean`, `variance`, `std`, `norm`, `logSoftmax` and `logsumexp` give f32;
 * - everything else follows its operands: f32 and `precision` together give f32.
 *
 * Parameters stay f32, and so do their gradients. Only what `body` does before it returns counts: it must not be asynchronous, and a
 * compiled function is recorded with the precision that is set within it, not with that around its call.
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
 * The value in a floating-point dtype. The cast comes before the views: a convolution's windows, say, are seen through its input in two
 * bytes; nothing is copied as often as the windows overlap.
 */
function castBelowViews(node: Node, dtype: HalfDType): Node {
  if (node.dtype === dtype) return node;
  const [source] = node.sources;
  if (source !== undefined && movesElements.has(node.op)) {
    const moved = castBelowViews(source, dtype);
    return withGradients(node.differentiable, () => makeNode(node.op, [moved], node.arg, node.shape, dtype));
  }
  // Widened a moment ago, exactly.
  if (source?.dtype === dtype && node.op === 'unary' && node.arg.kind === 'cast' && node.dtype === 'f32') return source;
  return graph.cast(node, dtype);
}

/** The operands of a product in the dtype that it is computed in under `autocast`; null where that changes nothing. */
export function productOperands(a: Node, b: Node): [Node, Node] | null {
  const precision = current;
  if (precision === 'f32' || a.dtype === 'f64' || b.dtype === 'f64') return null;
  return [castBelowViews(a, precision), castBelowViews(b, precision)];
}

/**
 * Computes in f32 what would lose digits in two bytes. The result has the dtype of the source, but is handed on as f32 under `autocast`.
 */
export function inSingle(source: Node, compute: (source: Node) => Node): Node {
  if (!isHalf(source.dtype)) return compute(source);
  const result = compute(graph.cast(source, 'f32'));
  return current === 'f32' ? graph.cast(result, source.dtype) : result;
}
