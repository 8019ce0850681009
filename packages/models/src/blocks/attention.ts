import { Dropout, functional as F, type init, type Linear, Module } from '@tessera/nn';
import { einsum, formatShape, type Tensor } from '@tessera/tensor';
import { startedLinear } from './initialize.ts';

export interface AttentionOptions {
  /** Whether the projection to queries, keys and values has a bias. */
  readonly qkvBias?: boolean;
  /** Probability of dropping an attention weight in training. */
  readonly attentionDropout?: number;
  /** Probability of dropping a number of the output in training. */
  readonly dropout?: number;
  readonly initializer?: init.Initializer;
}

export interface AttentionCall {
  /** Broadcasts to [N, H, L, L]. bool: true where a query may see a key; floating point: added to the scores. */
  readonly mask?: Tensor | null;
  /** Angles of rotary positions, broadcast to [N, H, L, D / 2]: they turn queries and keys of each head. */
  readonly rotary?: Tensor | null;
  /**
   * The first so many tokens are queries; the others are keys and values only, and nothing is computed for them that no one reads.
   * Masks and angles are those of all tokens. Default: all.
   */
  readonly queries?: number;
}

/**
 * Multi-head self-attention with timm's names: one projection `qkv` [3D, D] that the heads split, softmax(q k^T / sqrt(d)) v per
 * head, and `proj` [D, D] (Dosovitskiy et al. 2021, appendix A).
 */
export class Attention extends Module {
  readonly numHeads: number;
  readonly attentionDropout: number;
  readonly qkv: Linear;
  readonly proj: Linear;
  readonly proj_drop: Dropout;

  constructor(width: number, numHeads: number, options: AttentionOptions = {}) {
    super();
    const { qkvBias = true, attentionDropout = 0, dropout = 0, initializer } = options;
    if (width % numHeads !== 0)
      throw new RangeError(`Attention: width ${width} does not divide into ${numHeads} heads`);
    const start = initializer === undefined ? {} : { initializer };
    this.numHeads = numHeads;
    this.attentionDropout = attentionDropout;
    this.qkv = startedLinear(width, 3 * width, { bias: qkvBias, ...start });
    this.proj = startedLinear(width, width, start);
    this.proj_drop = new Dropout(dropout);
  }

  /** [N, L, D] to [N, queries, D] */
  forward(x: Tensor, call: AttentionCall = {}): Tensor {
    return this.attend(x, call).output;
  }

  /** As `forward`, with the attention weights [N, H, queries, L] beside the output. */
  attend(x: Tensor, { mask = null, rotary = null, queries }: AttentionCall = {}): { output: Tensor; weights: Tensor } {
    const width = this.proj.inFeatures;
    if (x.ndim !== 3 || x.shape[2] !== width)
      throw new RangeError(`Attention: needs sequences [N, L, ${width}], got ${formatShape(x.shape)}`);
    const length = x.shape[1] as number;
    const count = queries ?? length;
    if (!Number.isInteger(count) || count < 1 || count > length)
      throw new RangeError(`Attention: ${count} queries of ${length} tokens`);
    const [q, k, v] = this.#project(x, count);
    const turn = (heads: Tensor, angles: Tensor | null): Tensor =>
      angles === null ? heads : F.applyRotary(heads, angles);
    const weights = F.attentionWeights(turn(q, firstRows(rotary, count)), turn(k, rotary), {
      mask: firstRows(mask, count),
      dropout: this.attentionDropout,
      training: this.training,
    });
    const heads = einsum('nhls,nhsd->nlhd', weights, v);
    return { output: this.proj_drop.forward(this.proj.forward(heads.flatten(2))), weights };
  }

  /** Queries [N, H, queries, d], keys and values [N, H, L, d]: views of one product, or of two where not all tokens are queries. */
  #project(x: Tensor, queries: number): [q: Tensor, k: Tensor, v: Tensor] {
    const width = this.proj.inFeatures;
    const { weight, bias } = this.qkv;
    const project = (tokens: Tensor, from: number, to: number): Tensor[] => {
      const rows = (packed: Tensor): Tensor => packed.slice(0, from * width, to * width);
      const packed = F.linear(tokens, rows(weight), bias === null ? null : rows(bias));
      const parts = packed.unflatten(-1, [to - from, this.numHeads, width / this.numHeads]);
      return Array.from({ length: to - from }, (_, part) => parts.select(2, part).permute(0, 2, 1, 3));
    };
    const all = queries === x.shape[1];
    return (all ? project(x, 0, 3) : [...project(x.slice(1, 0, queries), 0, 1), ...project(x, 1, 3)]) as [
      Tensor,
      Tensor,
      Tensor,
    ];
  }
}

/** The rows of the first queries, where each query has a row of its own. [..., L, S] or [..., 1, S] */
const firstRows = <Rows extends Tensor | null>(x: Rows, queries: number): Rows | Tensor =>
  x === null || x.ndim < 2 || x.shape.at(-2) === 1 ? x : x.slice(-2, 0, queries);
