/** The attention layer that projects to and from its heads. */
import { concat, einsum, formatShape, type Tensor, zeros } from '@tessera/tensor';
import { requireFloats, requireProbability, requireWhole } from '../../arguments.ts';
import { constant, xavierNormal, xavierUniform } from '../../init/init.ts';
import { Module } from '../../module/module.ts';
import { Parameter } from '../../module/parameter.ts';
import { sizesOf } from '../../sizes.ts';
import { type TokenPosition, tokenAt } from '../../tokens/token-at.ts';
import { Linear, linearOf } from '../linear.ts';
import { requireMaskDType, visibleMask, withKeyPadding } from './masks.ts';
import { type AttentionOptions, attentionWeights } from './scaled-dot-product-attention.ts';

/** [..., E] to [..., H, E / H], as a view. */
export function splitHeads(features: Tensor, heads: number): Tensor {
  requireWhole('attention', { heads });
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
  /** Appends a trained key and value, `bias_k` and `bias_v`, to those of every sequence. Every query sees them. */
  readonly addBiasKv?: boolean;
  /** Appends a key and a value of zeros, after those of `addBiasKv`. Every query sees them. */
  readonly addZeroAttn?: boolean;
  /** Width of the keys. Default: that of the queries. */
  readonly kdim?: number;
  /** Width of the values. Default: that of the queries. */
  readonly vdim?: number;
}

export interface MultiheadAttentionCall {
  /** Query l sees the keys 0 to l only. */
  readonly causal?: boolean;
  /**
   * [L, S], [N * H, L, S] or [N, H, L, S]; for a single sequence [L, S] or [H, L, S]. bool: true where a query must *not* see a key, as in
   * PyTorch; floating point: added to the scores.
   */
  readonly attentionMask?: Tensor | null;
  /** [N, S], for a single sequence [S]. bool: true where a key is padding and must not be seen; floating point: added to its scores. */
  readonly keyPaddingMask?: Tensor | null;
}

export interface AttendCall extends MultiheadAttentionCall {
  /** Returns the mean of the heads' weights, [N, L, S], as PyTorch does by default. Default: false, those of each head. */
  readonly averageAttentionWeights?: boolean;
}

/** The output of attention, and the attention weights that it was computed with. */
interface Attended {
  readonly output: Tensor;
  readonly weights: Tensor;
}

/**
 * Multi-head attention with PyTorch's parameters: query, key and value projections packed in `in_proj_weight` [3E, E] and
 * `in_proj_bias` [3E]. `in_proj_weight` starts as Xavier's uniform, both biases at 0, `out_proj.weight` as any Linear. With keys or values
 * of another width, the projections are `q_proj_weight` [E, E], `k_proj_weight` [E, kdim] and `v_proj_weight` [E, vdim] instead.
 *
 * Sequences are [L, N, E] (length, batch, width), or [N, L, E] with `batchFirst`; a single sequence may be [L, E]. A query that may see
 * no key has weights of 0.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  readonly kdim: number;
  readonly vdim: number;
  readonly in_proj_weight: Parameter | null;
  readonly q_proj_weight: Parameter | null;
  readonly k_proj_weight: Parameter | null;
  readonly v_proj_weight: Parameter | null;
  readonly in_proj_bias: Parameter | null;
  readonly bias_k: Parameter | null;
  readonly bias_v: Parameter | null;
  readonly out_proj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout = 0, bias = true, batchFirst = false, addBiasKv = false, addZeroAttn = false } = options;
    const { kdim = embedDim, vdim = embedDim } = options;
    requireWhole('MultiheadAttention', { embedDim, numHeads, kdim, vdim });
    requireProbability('MultiheadAttention', dropout);
    if (embedDim % numHeads !== 0)
      throw new RangeError(`MultiheadAttention: width ${embedDim} does not divide into ${numHeads} heads`);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    this.kdim = kdim;
    this.vdim = vdim;
    const packed = kdim === embedDim && vdim === embedDim;
    const weight = (rows: number, columns: number): Parameter => new Parameter(xavierUniform()([rows, columns]));
    const appended = (): Parameter | null => (addBiasKv ? new Parameter(xavierNormal()([1, 1, embedDim])) : null);
    this.in_proj_weight = packed ? weight(3 * embedDim, embedDim) : null;
    this.q_proj_weight = packed ? null : weight(embedDim, embedDim);
    this.k_proj_weight = packed ? null : weight(embedDim, kdim);
    this.v_proj_weight = packed ? null : weight(embedDim, vdim);
    this.in_proj_bias = bias ? new Parameter(constant(0)([3 * embedDim])) : null;
    this.bias_k = appended();
    this.bias_v = appended();
    this.out_proj = new Linear(embedDim, embedDim, { bias });
    this.out_proj.bias?.initialize(constant(0));
  }

  /**
   * @param query [L, N, E], or [L, E]
   * @param key [S, N, kdim]; default: the query (self-attention)
   * @param value [S, N, vdim]; default: the key
   * @returns [L, N, E], or [L, E]
   */
  forward(query: Tensor, key: Tensor = query, value: Tensor = key, call: MultiheadAttentionCall = {}): Tensor {
    return this.attend(query, key, value, call).output;
  }

  /** Like `forward`, but returns the attention weights [N, H, L, S] too; for a single sequence, [H, L, S]. */
  attend(query: Tensor, key: Tensor = query, value: Tensor = key, call: AttendCall = {}): Attended {
    requireFloats('MultiheadAttention', { query, key, value });
    const { output, weights } =
      query.ndim === 2 ? this.#single(query, key, value, call) : this.#attend(query, key, value, call);
    return { output, weights: call.averageAttentionWeights ? weights.mean(-3) : weights };
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
    const mask = maskOfHeads(call.attentionMask ?? null, this.numHeads);
    const masks = { ...call, attentionMask: maskAt(mask, position) };
    const queryPositions = typeof position === 'number' ? position : position.reshape(-1, 1, 1, 1);
    return this.#attend(query, sequence, sequence, masks, { queryPositions });
  }

  /** Attention of sequences without a batch: a batch of one. */
  #single(query: Tensor, key: Tensor, value: Tensor, call: MultiheadAttentionCall): Attended {
    const axis = this.batchFirst ? 0 : 1;
    // The same tensor stays one, so that its projections stay one product.
    const batches = new Map([query, key, value].map((sequence) => [sequence, sequence.unsqueeze(axis)]));
    const [q, k, v] = [query, key, value].map((sequence) => batches.get(sequence) ?? sequence) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const keyPaddingMask = call.keyPaddingMask ?? null;
    if (keyPaddingMask !== null && keyPaddingMask.ndim !== 1)
      throw new RangeError(
        `MultiheadAttention: the key padding mask of a single sequence must be [S], got ${formatShape(keyPaddingMask.shape)}`,
      );
    const masks = { ...call, keyPaddingMask: keyPaddingMask?.unsqueeze(0) ?? null };
    const { output, weights } = this.#attend(q, k, v, masks);
    return { output: output.squeeze(axis), weights: weights.squeeze(0) };
  }

  #attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    call: MultiheadAttentionCall,
    places: Pick<AttentionOptions, 'queryPositions'> = {},
  ): Attended {
    this.#checkSequences(query, key, value);
    // Heads are views [N, H, L, D] of the projections: only the order of axes differs.
    const axes = this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3];
    const heads = (projected: Tensor): Tensor => splitHeads(projected, this.numHeads).permute(...axes);
    const [q, k, v] = this.#project(query, key, value);
    const [keys, values] = [this.#append(k, this.bias_k), this.#append(v, this.bias_v)];
    const appendedKeys = Number(this.bias_k !== null) + Number(this.addZeroAttn);
    const length = key.shape[this.batchFirst ? 1 : 0] ?? 0;
    const weights = attentionWeights(heads(q), heads(keys), {
      ...places,
      appendedKeys,
      mask: this.#mask(call, q, length, appendedKeys),
      causal: call.causal ?? false,
      dropout: this.dropout,
      training: this.training,
    });
    const output = einsum(this.batchFirst ? 'nhls,nhsd->nlhd' : 'nhls,nhsd->lnhd', weights, heads(values));
    return { output: this.out_proj.forward(output.flatten(2)), weights };
  }

  #checkSequences(query: Tensor, key: Tensor, value: Tensor): void {
    const [batch, length] = this.batchFirst ? [0, 1] : [1, 0];
    const check = (name: string, sequence: Tensor, width: number): void => {
      if (sequence.ndim !== 3 || sequence.shape[2] !== width)
        throw new RangeError(
          `MultiheadAttention: needs ${name} ${this.batchFirst ? '[N, L, ' : '[L, N, '}${width}], got ${formatShape(sequence.shape)}`,
        );
      if (sequence.shape[batch] !== query.shape[batch])
        throw new RangeError(
          `MultiheadAttention: query ${formatShape(query.shape)} and ${name} ${formatShape(sequence.shape)} must have one batch size`,
        );
    };
    check('sequences', query, this.embedDim);
    check(this.kdim === this.embedDim ? 'sequences' : 'keys', key, this.kdim);
    check(this.vdim === this.embedDim ? 'sequences' : 'values', value, this.vdim);
    if (key.shape[length] !== value.shape[length])
      throw new RangeError(
        `MultiheadAttention: key ${formatShape(key.shape)} and value ${formatShape(value.shape)} must have one length`,
      );
  }

  /** Projected keys or values [S, N, E] with those that the options append. */
  #append(projected: Tensor, bias: Parameter | null): Tensor {
    if (bias === null && !this.addZeroAttn) return projected;
    const axis = this.batchFirst ? 1 : 0;
    const one = projected.shape.map((n, k) => (k === axis ? 1 : n));
    const parts = [projected];
    if (bias !== null) parts.push(bias.expand(one));
    if (this.addZeroAttn) parts.push(zeros(one, { dtype: projected.dtype }));
    return concat(parts, axis);
  }

  /** One mask for `attentionWeights`, where true means visible: the opposite of PyTorch's modules. */
  #mask(
    { attentionMask = null, keyPaddingMask = null }: MultiheadAttentionCall,
    { dtype }: Tensor,
    keys: number,
    appended: number,
  ): Tensor | null {
    requireMaskDType('MultiheadAttention', 'attentionMask', attentionMask, 'true: must not be seen');
    if (keyPaddingMask !== null && keyPaddingMask.shape[1] !== keys)
      throw new RangeError(
        `MultiheadAttention: keyPaddingMask must be [N, ${keys}], got ${formatShape(keyPaddingMask.shape)}`,
      );
    // Neither false nor 0 hides the appended keys.
    const widened = (mask: Tensor | null): Tensor | null =>
      mask === null || appended === 0
        ? mask
        : mask
            .expand([...mask.shape.slice(0, -1), keys])
            .pad(mask.shape.map((_, k) => [0, k === mask.ndim - 1 ? appended : 0]));
    const mask = visibleMask(widened(maskOfHeads(attentionMask, this.numHeads)));
    return withKeyPadding('MultiheadAttention', mask, widened(keyPaddingMask), dtype);
  }

  /** Query, key and value projections. Those of the same sequence are one product. */
  #project(query: Tensor, key: Tensor, value: Tensor): [q: Tensor, k: Tensor, v: Tensor] {
    const width = this.embedDim;
    const rows = (tensor: Tensor, from: number, to: number): Tensor => tensor.slice(0, from * width, to * width);
    const biasOf = (from: number, to: number): Tensor | null =>
      this.in_proj_bias === null ? null : rows(this.in_proj_bias, from, to);
    if (this.in_proj_weight === null)
      return [
        linearOf(this, 'q_proj_weight', query, biasOf(0, 1)),
        linearOf(this, 'k_proj_weight', key, biasOf(1, 2)),
        linearOf(this, 'v_proj_weight', value, biasOf(2, 3)),
      ];
    /** The projections `from` to before `to` of `input`, side by side. */
    const packed = (input: Tensor, from: number, to: number): Tensor =>
      linearOf(this, 'in_proj_weight', input, biasOf(from, to), [from * width, to * width]);
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

/** [N * H, L, S], as PyTorch has it, as [N, H, L, S]; other masks as they are. */
function maskOfHeads(mask: Tensor | null, heads: number): Tensor | null {
  if (mask === null || mask.ndim !== 3) return mask;
  const [rows = 0] = mask.shape;
  if (rows % heads !== 0)
    throw new RangeError(
      `MultiheadAttention: attentionMask ${formatShape(mask.shape)} must be [L, S], [N * ${heads}, L, S] or [N, ${heads}, L, S]`,
    );
  return mask.unflatten(0, [rows / heads, heads]);
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
