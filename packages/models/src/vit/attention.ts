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

  /** [N, L, D] to [N, L, D] */
  forward(x: Tensor, call: AttentionCall = {}): Tensor {
    return this.attend(x, call).output;
  }

  /** As `forward`, with the attention weights [N, H, L, L] beside the output. */
  attend(x: Tensor, { mask = null, rotary = null }: AttentionCall = {}): { output: Tensor; weights: Tensor } {
    const width = this.proj.inFeatures;
    if (x.ndim !== 3 || x.shape[2] !== width)
      throw new RangeError(`Attention: needs sequences [N, L, ${width}], got ${formatShape(x.shape)}`);
    // Queries, keys and values are views [N, H, L, d] of one product.
    const packed = this.qkv.forward(x).unflatten(-1, [3, this.numHeads, width / this.numHeads]);
    const [q, k, v] = [0, 1, 2].map((part) => packed.select(2, part).permute(0, 2, 1, 3)) as [Tensor, Tensor, Tensor];
    const turn = (heads: Tensor): Tensor => (rotary === null ? heads : F.applyRotary(heads, rotary));
    const weights = F.attentionWeights(turn(q), turn(k), {
      mask,
      dropout: this.attentionDropout,
      training: this.training,
    });
    const heads = einsum('nhls,nhsd->nlhd', weights, v);
    return { output: this.proj_drop.forward(this.proj.forward(heads.flatten(2))), weights };
  }
}
