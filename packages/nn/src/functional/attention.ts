import { einsum, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { dropout } from './dropout.ts';

export interface AttentionOptions {
  /** Broadcasts to [N, H, L, S]. bool: true where a query may see a key; floating point: added to the scores. */
  readonly mask?: Tensor | null;
  /** Query l sees the keys 0 to l only. */
  readonly causal?: boolean;
  /** For `causal`, the places of the queries among the keys: i32, broadcasts to [N, H, L, 1]. Default: 0 to L - 1. */
  readonly queryPositions?: number | Tensor;
  /** Probability of dropping a weight. */
  readonly dropout?: number;
  readonly training?: boolean;
  /** Factor on the scores; default 1 / sqrt(D). */
  readonly scale?: number;
}

/**
 * softmax(scale * query key^T + mask) (Vaswani et al. 2017, equation 1).
 *
 * @param query [N, H, L, D], any view of it: heads need not be copied apart
 * @param key [N, H, S, D]
 * @returns [N, H, L, S]
 */
export function attentionWeights(query: Tensor, key: Tensor, options: AttentionOptions = {}): Tensor {
  if (query.ndim !== 4 || key.ndim !== 4 || [0, 1, 3].some((axis) => query.shape[axis] !== key.shape[axis]))
    throw new RangeError(
      `attention: query ${formatShape(query.shape)} and key ${formatShape(key.shape)} must be [N, H, L, D] and [N, H, S, D]`,
    );
  const { mask = null, causal = false, training = true, scale = (query.shape[3] as number) ** -0.5 } = options;
  const [queries, keys] = [query.shape[2], key.shape[2]] as [number, number];
  let scores = einsum('nhld,nhsd->nhls', query, key).mul(scale);
  // Positions come from counting, not from stored data: bool [L, S], key position <= query position.
  if (causal) {
    const positions = options.queryPositions ?? iota([queries, keys], 0);
    scores = where(iota([queries, keys], 1).le(positions), scores, -Infinity);
  }
  if (mask !== null) scores = mask.dtype === 'bool' ? where(mask, scores, -Infinity) : scores.add(mask);
  return dropout(scores.softmax(-1), options.dropout ?? 0, training);
}

/**
 * Scaled dot-product attention.
 *
 * @param query [N, H, L, D]
 * @param key [N, H, S, D]
 * @param value [N, H, S, E]
 * @returns [N, H, L, E]
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions = {},
): Tensor {
  return einsum('nhls,nhse->nhle', attentionWeights(query, key, options), value);
}

/** [..., E] to [..., H, E / H], as a view. */
export function splitHeads(features: Tensor, heads: number): Tensor {
  const width = features.shape.at(-1) as number;
  if (width % heads !== 0) throw new RangeError(`attention: width ${width} does not divide into ${heads} heads`);
  return features.unflatten(-1, [heads, width / heads]);
}
