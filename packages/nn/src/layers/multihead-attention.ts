/** Scaled dot-product attention, and the layer that projects to and from its heads. */
import { einsum, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { constant, xavierUniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { sizesOf } from '../sizes.ts';
import { type TokenPosition, tokenAt } from '../tokens/token-at.ts';
import { dropout } from './dropout.ts';
import { Linear, linear } from './linear.ts';

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
 * @param query [N, H, L, D], any view of it: the heads need not be contiguous
 * @param key [N, H, S, D]
 * @returns [N, H, L, S]
 */
export function attentionWeights(query: Tensor, key: Tensor, options: AttentionOptions = {}): Tensor {
  if (query.ndim !== 4 || key.ndim !== 4 || [0, 1, 3].some((axis) => query.shape[axis] !== key.shape[axis]))
    throw new RangeError(
      `attention: query ${formatShape(query.shape)} and key ${formatShape(key.shape)} must be [N, H, L, D] and [N, H, S, D]`,
    );
  const [, , queries, headWidth] = sizesOf(query, 4, 'attention', 'queries [N, H, L, D]');
  const [, , keys] = sizesOf(key, 4, 'attention', 'keys [N, H, S, D]');
  const { mask = null, causal = false, training = true, scale = headWidth ** -0.5 } = options;
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
  const width = features.shape.at(-1) ?? 0;
  if (width % heads !== 0) throw new RangeError(`attention: width ${width} does not divide into ${heads} heads`);
  return features.unflatten(-1, [heads, width / heads]);
}

export interface MultiheadAttentionOptions {
  /** Probability of dropping an attention weight in training. */
  readonly dropout?: number;
  readonly bias?: boolean;
  /** Sequences are [N, L, E] instead of [L, N, E]. */
  readonly batchFirst?: boolean;
}

export interface MultiheadAttentionCall {
  /** Query l sees the keys 0 to l only. */
  readonly causal?: boolean;
  /**
   * [L, S] or [N, H, L, S]. bool: true where a query must *not* see a key, as in PyTorch; floating point: added to the scores.
   */
  readonly attentionMask?: Tensor | null;
  /** bool [N, S]: true where a key is padding and must not be seen. */
  readonly keyPaddingMask?: Tensor | null;
}

/** The output of attention, and the attention weights that it was computed with. */
interface Attended {
  readonly output: Tensor;
  readonly weights: Tensor;
}

/**
 * Multi-head attention with PyTorch's parameters: query, key and value projections packed in `in_proj_weight` [3E, E] and
 * `in_proj_bias` [3E]. `in_proj_weight` starts as Xavier's uniform, both biases at 0, `out_proj.weight` as any Linear.
 *
 * Sequences are [L, N, E] (length, batch, width), or [N, L, E] with `batchFirst`.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly in_proj_weight: Parameter;
  readonly in_proj_bias: Parameter | null;
  readonly out_proj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout = 0, bias = true, batchFirst = false } = options;
    if (embedDim % numHeads !== 0)
      throw new RangeError(`MultiheadAttention: width ${embedDim} does not divide into ${numHeads} heads`);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.in_proj_weight = new Parameter(xavierUniform()([3 * embedDim, embedDim]));
    this.in_proj_bias = bias ? new Parameter(constant(0)([3 * embedDim])) : null;
    this.out_proj = new Linear(embedDim, embedDim, { bias });
    this.out_proj.bias?.initialize(constant(0));
  }

  /**
   * @param query [L, N, E]
   * @param key [S, N, E]; default: the query (self-attention)
   * @param value [S, N, E]; default: the key
   * @returns [L, N, E]
   */
  forward(query: Tensor, key: Tensor = query, value: Tensor = key, call: MultiheadAttentionCall = {}): Tensor {
    return this.attend(query, key, value, call).output;
  }

  /** Like `forward`, but returns the attention weights [N, H, L, S] too. */
  attend(query: Tensor, key: Tensor = query, value: Tensor = key, call: MultiheadAttentionCall = {}): Attended {
    return this.#attend(query, key, value, call);
  }

  /**
   * Self-attention of one token of each sequence: the result of `attend(sequence)` at that place. The other tokens are keys and
   * values only: their queries, scores and outputs are not computed.
   *
   * @param sequence [L, N, E]
   * @param call masks for all queries, as in `attend`: the rows of this query are taken from them
   * @returns output [1, N, E] ([N, 1, E] with `batchFirst`) and weights [N, H, 1, L]
   */
  attendAt(sequence: Tensor, position: TokenPosition, call: MultiheadAttentionCall = {}): Attended {
    const query = tokenAt(sequence, position, this);
    const masks = { ...call, attentionMask: maskAt(call.attentionMask ?? null, position) };
    const queryPositions = typeof position === 'number' ? position : position.reshape(-1, 1, 1, 1);
    return this.#attend(query, sequence, sequence, masks, { queryPositions });
  }

  #attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    call: MultiheadAttentionCall,
    places: Pick<AttentionOptions, 'queryPositions'> = {},
  ): Attended {
    for (const sequence of [query, key, value])
      if (sequence.ndim !== 3 || sequence.shape[2] !== this.embedDim)
        throw new RangeError(
          `MultiheadAttention: needs sequences ${this.batchFirst ? '[N, L, ' : '[L, N, '}${this.embedDim}], ` +
            `got ${formatShape(sequence.shape)}`,
        );
    // Heads are views [N, H, L, D] of the projections: only the order of axes differs.
    const axes = this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3];
    const heads = (projected: Tensor): Tensor => splitHeads(projected, this.numHeads).permute(...axes);
    const [q, k, v] = this.#project(query, key, value);
    const weights = attentionWeights(heads(q), heads(k), {
      ...places,
      mask: combineMasks(call, q.dtype),
      causal: call.causal ?? false,
      dropout: this.dropout,
      training: this.training,
    });
    const output = einsum(this.batchFirst ? 'nhls,nhsd->nlhd' : 'nhls,nhsd->lnhd', weights, heads(v));
    return { output: this.out_proj.forward(output.flatten(2)), weights };
  }

  /** Query, key and value projections. Those of the same sequence are one product. */
  #project(query: Tensor, key: Tensor, value: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    const width = this.embedDim;
    /** The projections `from` to before `to` of `input`, side by side. */
    const packed = (input: Tensor, from: number, to: number): Tensor => {
      const rows = (tensor: Tensor): Tensor => tensor.slice(0, from * width, to * width);
      const bias = this.in_proj_bias === null ? null : rows(this.in_proj_bias);
      return linear(input, rows(this.in_proj_weight), bias);
    };
    const part = (projections: Tensor, k: number): Tensor => projections.slice(2, k * width, (k + 1) * width);
    if (query === key && key === value) {
      const all = packed(query, 0, 3);
      return [part(all, 0), part(all, 1), part(all, 2)];
    }
    const q = packed(query, 0, 1);
    if (key === value) {
      const both = packed(key, 1, 3);
      return [q, part(both, 0), part(both, 1)];
    }
    return [q, packed(key, 1, 2), packed(value, 2, 3)];
  }
}

/** The rows of a mask [L, S] or [N, H, L, S] that belong to the queries at one place of each sequence: broadcasts to [N, H, 1, S]. */
function maskAt(mask: Tensor | null, position: TokenPosition): Tensor | null {
  if (mask === null || mask.ndim < 2 || mask.shape.at(-2) === 1) return mask;
  if (typeof position === 'number') return mask.slice(-2, position, position + 1);
  if (mask.ndim === 2) return mask.indexSelect(0, position).unsqueeze(1).unsqueeze(1);
  const [, heads, queries, keys] = sizesOf(mask, 4, 'MultiheadAttention', 'a mask [L, S] or [N, H, L, S]');
  const rows = mask.expand([position.size, heads, queries, keys]).transpose(1, 2); // [N, L, H, S]
  return tokenAt(rows, position, { batchFirst: true }).transpose(1, 2);
}

/** One mask for `attentionWeights`, where true means visible: the opposite of PyTorch's modules. */
function combineMasks(
  { attentionMask = null, keyPaddingMask = null }: MultiheadAttentionCall,
  dtype: Tensor['dtype'],
): Tensor | null {
  const visible = keyPaddingMask === null ? null : keyPaddingMask.logicalNot().unsqueeze(1).unsqueeze(1);
  if (attentionMask === null) return visible;
  if (attentionMask.dtype === 'bool') {
    const seen = attentionMask.logicalNot();
    return visible === null ? seen : seen.logicalAnd(visible);
  }
  // With an additive mask, the padding mask becomes additive too: log 1 = 0 where visible, log 0 = -Infinity where not.
  return visible === null ? attentionMask : attentionMask.add(visible.cast(dtype).log());
}
