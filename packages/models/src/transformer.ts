import {
  Activation,
  type ActivationName,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  type MultiheadAttentionCall,
  Sequential,
} from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

export interface BlockOptions {
  /** Position l sees the positions 0 to l only. */
  readonly causal?: boolean;
  readonly activation?: ActivationName;
  /** Sequences are [N, L, E] instead of [L, N, E]. */
  readonly batchFirst?: boolean;
}

type BlockMasks = Omit<MultiheadAttentionCall, 'causal'>;

/** A transformer block that normalises first: x + attention(ln_1(x)), then x + mlp(ln_2(x)). */
export class ResidualAttentionBlock extends Module {
  readonly causal: boolean;
  readonly attn: MultiheadAttention;
  readonly ln_1: LayerNorm;
  readonly mlp: Sequential;
  readonly ln_2: LayerNorm;

  constructor(width: number, heads: number, options: BlockOptions = {}) {
    super();
    const { causal = false, activation = 'quickgelu', batchFirst = false } = options;
    this.causal = causal;
    this.attn = new MultiheadAttention(width, heads, { batchFirst });
    this.ln_1 = new LayerNorm(width);
    this.mlp = new Sequential(
      ['c_fc', new Linear(width, 4 * width)],
      ['gelu', new Activation(activation)],
      ['c_proj', new Linear(4 * width, width)],
    );
    this.ln_2 = new LayerNorm(width);
  }

  /** [L, N, E] to [L, N, E]; `masks` as in MultiheadAttention. */
  forward(x: Tensor, masks: BlockMasks = {}): Tensor {
    return this.attend(x, masks).output;
  }

  /** As `forward`, with the attention weights [N, H, L, L] beside the output. */
  attend(x: Tensor, masks: BlockMasks = {}): { output: Tensor; weights: Tensor } {
    const normalized = this.ln_1.forward(x);
    const { output, weights } = this.attn.attend(normalized, normalized, normalized, { ...masks, causal: this.causal });
    const attended = x.add(output);
    return { output: attended.add(this.mlp.forward(this.ln_2.forward(attended))), weights };
  }
}

/** Blocks one after the other, `resblocks.0`, `resblocks.1`, ... */
export class Transformer extends Module {
  readonly width: number;
  readonly resblocks: readonly ResidualAttentionBlock[];

  constructor(width: number, layers: number, heads: number, options: BlockOptions = {}) {
    super();
    this.width = width;
    this.resblocks = Array.from({ length: layers }, () => new ResidualAttentionBlock(width, heads, options));
  }

  /** [L, N, E] to [L, N, E] */
  forward(x: Tensor, masks: BlockMasks = {}): Tensor {
    return this.attend(x, masks).output;
  }

  /** As `forward`, with the attention weights of every block, [N, H, L, L] each, beside the output. */
  attend(x: Tensor, masks: BlockMasks = {}): { output: Tensor; weights: Tensor[] } {
    const weights: Tensor[] = [];
    let output = x;
    for (const block of this.resblocks) {
      const attended = block.attend(output, masks);
      output = attended.output;
      weights.push(attended.weights);
    }
    return { output, weights };
  }
}
