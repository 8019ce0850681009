/** The transformer of CLIP's towers, which the multimodal models use too. */
import {
  Activation,
  type ActivationName,
  functional as F,
  LayerNorm,
  Linear,
  Module,
  MultiheadAttention,
  type MultiheadAttentionCall,
  Sequential,
} from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/** The activation of OpenAI's CLIP, and the default of every model here that has CLIP's blocks. */
export const clipActivation = 'quickgelu' satisfies ActivationName;

/** The number of heads of a transformer of that width: a head is 64 wide. */
export const defaultHeads = ({
  width,
  heads,
}: {
  readonly width: number;
  readonly heads?: number | undefined;
}): number => heads ?? Math.max(1, Math.floor(width / 64));

export interface BlockOptions {
  /** Position l sees the positions 0 to l only. */
  readonly causal?: boolean;
  readonly activation?: ActivationName;
  /** Sequences are [N, L, E] instead of [L, N, E]. */
  readonly batchFirst?: boolean;
}

type BlockMasks = Omit<MultiheadAttentionCall, 'causal'>;

/** A transformer block that normalizes first: x + attention(ln_1(x)), then x + mlp(ln_2(x)). */
export class ResidualAttentionBlock extends Module {
  readonly causal: boolean;
  readonly attn: MultiheadAttention;
  readonly ln_1: LayerNorm;
  readonly mlp: Sequential;
  readonly ln_2: LayerNorm;

  constructor(width: number, heads: number, options: BlockOptions = {}) {
    super();
    const { causal = false, activation = clipActivation, batchFirst = false } = options;
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

  /** Like `forward`, but returns the attention weights [N, H, L, L] too. */
  attend(x: Tensor, masks: BlockMasks = {}): { output: Tensor; weights: Tensor } {
    const normalized = this.ln_1.forward(x);
    const { output, weights } = this.attn.attend(normalized, normalized, normalized, { ...masks, causal: this.causal });
    return { output: this.#feed(x.add(output)), weights };
  }

  /**
   * The result of `forward` at one place of each sequence. The other tokens are keys and values only, so queries, output projection,
   * ln_2 and MLP, ten twelfths of a block's products, run over N rows instead of N * L.
   *
   * @param x [L, N, E]
   * @param masks for all queries, as in `forward`
   * @returns [1, N, E], [N, 1, E] with `batchFirst`
   */
  forwardAt(x: Tensor, position: F.TokenPosition, masks: BlockMasks = {}): Tensor {
    const { output } = this.attn.attendAt(this.ln_1.forward(x), position, { ...masks, causal: this.causal });
    return this.#feed(F.tokenAt(x, position, this.attn).add(output));
  }

  #feed(x: Tensor): Tensor {
    return x.add(this.mlp.forward(this.ln_2.forward(x)));
  }
}

/** Blocks in a row: `resblocks.0`, `resblocks.1`, ... */
export class Transformer extends Module {
  readonly width: number;
  readonly batchFirst: boolean;
  readonly resblocks: readonly ResidualAttentionBlock[];

  constructor(width: number, layers: number, heads: number, options: BlockOptions = {}) {
    super();
    this.width = width;
    this.batchFirst = options.batchFirst ?? false;
    this.resblocks = Array.from({ length: layers }, () => new ResidualAttentionBlock(width, heads, options));
  }

  /** [L, N, E] to [L, N, E] */
  forward(x: Tensor, masks: BlockMasks = {}): Tensor {
    return this.attend(x, masks).output;
  }

  /**
   * The result of `forward` at one place of each sequence, such as the class token or the end of a text: [L, N, E] to [N, E]. The last
   * block computes only that place (`ResidualAttentionBlock.forwardAt`).
   */
  forwardAt(x: Tensor, position: F.TokenPosition, masks: BlockMasks = {}): Tensor {
    const before = this.resblocks.slice(0, -1).reduce((tokens, block) => block.forward(tokens, masks), x);
    const read = this.resblocks.at(-1)?.forwardAt(before, position, masks) ?? F.tokenAt(x, position, this);
    return read.squeeze(this.batchFirst ? 1 : 0);
  }

  /** Like `forward`, but returns the attention weights of every block too, [N, H, L, L] each. */
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
