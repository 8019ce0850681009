/** Scaled dot-product attention as a function: of any number of leading axes, with masks, and with heads that share keys. */
import { broadcastShapes, einsum, formatShape, iota, type Shape, sameShape, type Tensor, where } from '@tessera/tensor';
import { requireFloats } from '../../arguments.ts';
import { dropout } from '../dropout.ts';
import { requireMaskDType, requireMaskShape } from './masks.ts';
import { safeSoftmax } from './safe-softmax.ts';

export interface AttentionOptions {
  /** Broadcasts to [..., L, S]. bool: true where a query may see a key; floating point: added to the scores. */
  readonly mask?: Tensor | null;
  /** Query l sees the keys 0 to l only, also if there are more or fewer keys than queries. */
  readonly causal?: boolean;
  /** For `causal`, the places of the queries among the keys: i32, broadcasts to [..., L, 1]. Default: 0 to L - 1. */
  readonly queryPositions?: number | Tensor;
  /** The number of keys, the last ones, that `causal` does not hide. Default: 0. */
  readonly appendedKeys?: number;
  /** Probability of dropping a weight. */
  readonly dropout?: number;
  readonly training?: boolean;
  /** Factor on the scores; default 1 / sqrt(D). */
  readonly scale?: number;
  /** Axis -3 has heads, and each head of key and value serves as many heads of the query as there are more of these (Ainslie et al. 2023). */
  readonly enableGqa?: boolean;
}

/**
 * softmax(scale * query key^T + mask) (Vaswani et al. 2017, equation 1). A query that may see no key has weights of 0.
 *
 * @param query [..., L, D], any view of it: the heads need not be contiguous
 * @param key [..., S, D]; leading axes broadcast
 * @returns [..., L, S]
 */
export function attentionWeights(query: Tensor, key: Tensor, options: AttentionOptions = {}): Tensor {
  requireFloats('attention', { query, key });
  const [queries, headWidth] = query.shape.slice(-2);
  const [keys, keyWidth] = key.shape.slice(-2);
  if (queries === undefined || keys === undefined || headWidth === undefined || headWidth !== keyWidth)
    throw new RangeError(
      `attention: query ${formatShape(query.shape)} and key ${formatShape(key.shape)} must be [..., L, D] and [..., S, D]`,
    );
  const { mask = null, causal = false, training = true, scale = headWidth ** -0.5, appendedKeys = 0 } = options;
  requireMaskDType('attention', 'the mask', mask, 'true: may be seen');
  let scores = headProduct('scores', query, key, options.enableGqa ?? false).mul(scale);
  // Positions come from counting, not from stored data: bool [L, S], key position <= query position.
  if (causal) {
    const positions = options.queryPositions ?? iota([queries, keys], 0);
    const earlier = iota([queries, keys], 1).le(positions);
    const visible = appendedKeys === 0 ? earlier : earlier.logicalOr(iota([queries, keys], 1).ge(keys - appendedKeys));
    scores = where(visible, scores, -Infinity);
  }
  if (mask === null) return dropout(scores.softmax(-1), options.dropout ?? 0, training);
  requireMaskShape('attention', mask, scores.shape);
  scores = mask.dtype === 'bool' ? where(mask, scores, -Infinity) : scores.add(mask);
  // Without a mask every query sees a key. With one it may see none.
  return dropout(safeSoftmax(scores), options.dropout ?? 0, training);
}

/**
 * softmax(scale * query key^T + mask) value, as PyTorch's function of this name: the result of a query that may see no key is 0.
 *
 * @param query [..., L, D]
 * @param key [..., S, D]; leading axes broadcast
 * @param value [..., S, E]
 * @returns [..., L, E]
 * @throws RangeError for shapes that do not fit; TypeError for a mask of integers
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  requireFloats('attention', { query, key, value });
  if (value.ndim < 2 || value.shape.at(-2) !== key.shape.at(-2))
    throw new RangeError(
      `attention: key ${formatShape(key.shape)} and value ${formatShape(value.shape)} must be [..., S, D] and [..., S, E]`,
    );
  return headProduct('values', attentionWeights(query, key, options), value, options.enableGqa ?? false);
}

/** The two products of attention, as the ends of einsum's equations: [..., L, D] x [..., S, D], and [..., L, S] x [..., S, E]. */
const products = { scores: 'xd,yd->xy', values: 'xy,yd->xd' } as const;

/** Letters of leading axes in einsum's equations. */
const letters = 'abcefghijkl';

const leading = ({ shape }: Tensor): Shape => shape.slice(0, -2);

/** One of the products; with `grouped`, groups of neighboring heads (axis -3) of the first operand share one of the second. */
function headProduct(kind: keyof typeof products, first: Tensor, second: Tensor, grouped: boolean): Tensor {
  if (grouped && first.shape.at(-3) !== second.shape.at(-3)) {
    const [heads, shared] = [first.shape.at(-3), second.shape.at(-3)];
    if (heads === undefined || shared === undefined || shared === 0 || heads % shared !== 0)
      throw new RangeError(
        `attention: with enableGqa, the heads (axis -3) of the query ${formatShape(first.shape)} must be a multiple of those ` +
          `of key and value ${formatShape(second.shape)}`,
      );
    const groups = first.unflatten(-3, [shared, heads / shared]);
    return headProduct(kind, groups, second.unsqueeze(-3), false).flatten(-4, -3);
  }
  if (sameShape(leading(first), leading(second))) {
    const lead = letters.slice(0, first.ndim - 2);
    const [a, b, out] = products[kind].split(/,|->/);
    return einsum(`${lead}${a},${lead}${b}->${lead}${out}`, first, second);
  }
  broadcastShapes(leading(first), leading(second), 'attention: leading axes');
  return first.matmul(kind === 'scores' ? second.transpose() : second);
}
