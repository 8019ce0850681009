/** Self-attention of the plain Vision Transformers. */
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
   * The number of tokens, from the first on, that are queries; the others are only keys and values, and nothing else is computed for
   * them. Masks and angles are those of all tokens. Default: all.
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

  /** Like `forward`, but returns the attention weights [N, H, queries, L] too. */
  attend(x: Tensor, { mask = null, rotary = null, queries }: AttentionCall = {}): { output: Tensor; weights: Tensor } {
    const width = this.proj.inFeatures;
    const [, length = 0, own] = x.shape;
    if (x.ndim !== 3 || own !== width)
      throw new RangeError(`Attention: needs sequences [N, L, ${width}], got ${formatShape(x.shape)}`);
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

  /** Queries [N, H, queries, d], keys and values [N, H, L, d]: views of one product, or of two if not all tokens are queries. */
  #project(x: Tensor, queries: number): [q: Tensor, k: Tensor, v: Tensor] {
    const width = this.proj.inFeatures;
    const { bias } = this.qkv;
    /** The projections `from` to before `to` of the tokens: [N, L, to - from, H, d]. */
    const project = (tokens: Tensor, from: number, to: number): Tensor => {
      const rows = [from * width, to * width] as const;
      const packed = F.linearOf(this.qkv, 'weight', tokens, bias?.slice(0, ...rows) ?? null, rows);
      return packed.unflatten(-1, [to - from, this.numHeads, width / this.numHeads]);
    };
    const part = (parts: Tensor, k: number): Tensor => parts.select(2, k).permute(0, 2, 1, 3);
    if (queries === x.shape[1]) {
      const all = project(x, 0, 3);
      return [part(all, 0), part(all, 1), part(all, 2)];
    }
    const own = project(x.slice(1, 0, queries), 0, 1);
    const others = project(x, 1, 3);
    return [part(own, 0), part(others, 0), part(others, 1)];
  }
}

/** The rows of the first queries, if each query has its own row: of [..., L, S], but not of [..., 1, S]. */
const firstRows = <Rows extends Tensor | null>(x: Rows, queries: number): Rows | Tensor =>
  x === null || x.ndim < 2 || x.shape.at(-2) === 1 ? x : x.slice(-2, 0, queries);
