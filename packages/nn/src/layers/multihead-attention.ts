import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { type AttentionOptions, attentionWeights, splitHeads } from '../functional/attention.ts';
import { linear } from '../functional/linear.ts';
import { type TokenPosition, tokenAt } from '../functional/token-at.ts';
import { constant, xavierUniform } from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';
import { Linear } from './linear.ts';

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
  /** bool: true where a query must *not* see a key, as PyTorch has it; floating point: added to the scores. [L, S] or [N, H, L, S]. */
  readonly attentionMask?: Tensor | null;
  /** bool [N, S]: true where a key is padding and must not be seen. */
  readonly keyPaddingMask?: Tensor | null;
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

  /** As `forward`, with the attention weights [N, H, L, S] beside the output. */
  attend(
    query: Tensor,
    key: Tensor = query,
    value: Tensor = key,
    call: MultiheadAttentionCall = {},
  ): { output: Tensor; weights: Tensor } {
    return this.#attend(query, key, value, call);
  }

  /**
   * Self-attention of one token of each sequence: what `attend(sequence)` gives at that place. The other tokens are keys and values
   * only: their queries, scores and outputs are not computed.
   *
   * @param sequence [L, N, E]
   * @param call masks for all queries, as in `attend`: those of this one are taken from them
   * @returns output [1, N, E] ([N, 1, E] with `batchFirst`) and weights [N, H, 1, L]
   */
  attendAt(
    sequence: Tensor,
    position: TokenPosition,
    call: MultiheadAttentionCall = {},
  ): { output: Tensor; weights: Tensor } {
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
  ): { output: Tensor; weights: Tensor } {
    for (const sequence of [query, key, value])
      if (sequence.ndim !== 3 || sequence.shape[2] !== this.embedDim)
        throw new RangeError(
          `MultiheadAttention: needs sequences ${this.batchFirst ? '[N, L, ' : '[L, N, '}${this.embedDim}], ` +
            `got ${formatShape(sequence.shape)}`,
        );
    // Heads are views [N, H, L, D] of the projections: only the order of axes differs.
    const axes = this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3];
    const [q, k, v] = this.#project(query, key, value).map((x) => splitHeads(x, this.numHeads).permute(...axes)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const weights = attentionWeights(q, k, {
      ...places,
      mask: combineMasks(call, q.dtype),
      causal: call.causal ?? false,
      dropout: this.dropout,
      training: this.training,
    });
    const heads = einsum(this.batchFirst ? 'nhls,nhsd->nlhd' : 'nhls,nhsd->lnhd', weights, v);
    return { output: this.out_proj.forward(heads.flatten(2)), weights };
  }

  /** Query, key and value projections: those of one and the same sequence in one product. */
  #project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const width = this.embedDim;
    const project = (input: Tensor, from: number, to: number): Tensor[] => {
      const rows = (tensor: Tensor): Tensor => tensor.slice(0, from * width, to * width);
      const bias = this.in_proj_bias === null ? null : rows(this.in_proj_bias);
      const packed = linear(input, rows(this.in_proj_weight), bias);
      return Array.from({ length: to - from }, (_, part) => packed.slice(2, part * width, (part + 1) * width));
    };
    if (query === key && key === value) return project(query, 0, 3);
    if (key === value) return [...project(query, 0, 1), ...project(key, 1, 3)];
    return [...project(query, 0, 1), ...project(key, 1, 2), ...project(value, 2, 3)];
  }
}

/** The rows of a mask [L, S] or [N, H, L, S] that belong to the queries at one place of each sequence: broadcasts to [N, H, 1, S]. */
function maskAt(mask: Tensor | null, position: TokenPosition): Tensor | null {
  if (mask === null || mask.ndim < 2 || mask.shape.at(-2) === 1) return mask;
  if (typeof position === 'number') return mask.slice(-2, position, position + 1);
  if (mask.ndim === 2) return mask.indexSelect(0, position).unsqueeze(1).unsqueeze(1);
  const [, heads, queries, keys] = mask.shape as [number, number, number, number];
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
  // Beside an additive mask the padding becomes additive too: log 1 = 0 where visible, log 0 = -Infinity where not.
  return visible === null ? attentionMask : attentionMask.add(visible.cast(dtype).log());
}
