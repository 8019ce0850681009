/** Attention of one modality to the other. */
import { Activation, functional as F, LayerNorm, Linear, Module, Sequential } from '@tessera/nn';
import { einsum, formatShape, type Tensor } from '@tessera/tensor';

export interface CrossAttentionOptions {
  /** Width of the context. Default: that of the queries. */
  readonly contextWidth?: number;
  /** The width of all heads together. Default: the queries' width. */
  readonly innerWidth?: number;
  /** Whether the projections have biases. Default true. */
  readonly bias?: boolean;
  /** Probability of dropping an attention weight in training. */
  readonly dropout?: number;
}

export interface CrossAttentionCall {
  /** Broadcasts to [N, H, L, S]. bool: true where a query may see a place of the context; floating point: added to the scores. */
  readonly mask?: Tensor | null;
  /** [N, S]. bool: true where a place of the context is padding and must not be seen; floating point: added to its scores. */
  readonly keyPaddingMask?: Tensor | null;
}

/**
 * Attention of one sequence to another one of any width (Vaswani et al. 2017, section 3.2.3): queries come from the first, keys and
 * values from the second.
 */
export class CrossAttention extends Module {
  readonly numHeads: number;
  readonly dropout: number;
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly out_proj: Linear;

  constructor(width: number, numHeads: number, options: CrossAttentionOptions = {}) {
    super();
    const { contextWidth = width, innerWidth = width, bias = true, dropout = 0 } = options;
    if (innerWidth % numHeads !== 0)
      throw new RangeError(`CrossAttention: width ${innerWidth} does not divide into ${numHeads} heads`);
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.q_proj = new Linear(width, innerWidth, { bias });
    this.k_proj = new Linear(contextWidth, innerWidth, { bias });
    this.v_proj = new Linear(contextWidth, innerWidth, { bias });
    this.out_proj = new Linear(innerWidth, width, { bias });
  }

  /**
   * @param query [N, L, width]
   * @param context [N, S, contextWidth]
   * @returns [N, L, width]
   */
  forward(query: Tensor, context: Tensor, call: CrossAttentionCall = {}): Tensor {
    return this.attend(query, context, call).output;
  }

  /** Like `forward`, but returns the attention weights [N, H, L, S] too. */
  attend(query: Tensor, context: Tensor, call: CrossAttentionCall = {}): { output: Tensor; weights: Tensor } {
    if (query.ndim !== 3 || context.ndim !== 3 || query.shape[0] !== context.shape[0])
      throw new RangeError(
        `CrossAttention: query ${formatShape(query.shape)} and context ${formatShape(context.shape)} must be ` +
          `[N, L, ${this.q_proj.inFeatures}] and [N, S, ${this.k_proj.inFeatures}]`,
      );
    const heads = (x: Tensor): Tensor => F.splitHeads(x, this.numHeads).permute(0, 2, 1, 3); // [N, H, L, D]
    const queries = heads(this.q_proj.forward(query));
    const { mask = null, keyPaddingMask = null } = call;
    const weights = F.attentionWeights(queries, heads(this.k_proj.forward(context)), {
      mask: F.withKeyPadding('CrossAttention', mask, keyPaddingMask, queries.dtype),
      dropout: this.dropout,
      training: this.training,
    });
    const gathered = einsum('nhls,nhsd->nlhd', weights, heads(this.v_proj.forward(context)));
    return { output: this.out_proj.forward(gathered.flatten(2)), weights };
  }
}

/** Linear, GELU, Linear: a transformer's MLP, with the names that all blocks of this room use. */
export const feedForward = (width: number, hidden: number, bias = true): Sequential =>
  new Sequential(
    ['c_fc', new Linear(width, hidden, { bias })],
    ['gelu', new Activation('gelu')],
    ['c_proj', new Linear(hidden, width, { bias })],
  );

/** A block that attends to another sequence: x + attention(ln_1(x), ln_context(context)), then x + mlp(ln_2(x)). */
export class CrossAttentionBlock extends Module {
  readonly ln_1: LayerNorm;
  readonly ln_context: LayerNorm;
  readonly attn: CrossAttention;
  readonly ln_2: LayerNorm;
  readonly mlp: Sequential;

  constructor(width: number, heads: number, options: CrossAttentionOptions = {}) {
    super();
    this.ln_1 = new LayerNorm(width);
    this.ln_context = new LayerNorm(options.contextWidth ?? width);
    this.attn = new CrossAttention(width, heads, options);
    this.ln_2 = new LayerNorm(width);
    this.mlp = feedForward(width, 4 * width);
  }

  /** [N, L, width] and context [N, S, contextWidth] to [N, L, width] */
  forward(x: Tensor, context: Tensor, call: CrossAttentionCall = {}): Tensor {
    const attended = x.add(this.attn.forward(this.ln_1.forward(x), this.ln_context.forward(context), call));
    return attended.add(this.mlp.forward(this.ln_2.forward(attended)));
  }
}

/** Two sequences after they have attended to each other. */
export interface SequencePair {
  readonly image: Tensor;
  readonly text: Tensor;
}

/**
 * Cross-attention both ways (Lu et al. 2019, "ViLBERT", figure 2b): the image's tokens attend to the text's and the text's to the
 * image's, both to the input of the block.
 */
export class CoAttentionBlock extends Module {
  readonly image_to_text: CrossAttentionBlock;
  readonly text_to_image: CrossAttentionBlock;

  constructor(imageWidth: number, textWidth: number, heads: number) {
    super();
    this.image_to_text = new CrossAttentionBlock(imageWidth, heads, { contextWidth: textWidth });
    this.text_to_image = new CrossAttentionBlock(textWidth, heads, { contextWidth: imageWidth });
  }

  /**
   * @param image [N, P, imageWidth]
   * @param text [N, L, textWidth]
   * @param padding bool [N, L], true where the text is padding
   */
  forward(image: Tensor, text: Tensor, padding: Tensor | null = null): SequencePair {
    return {
      image: this.image_to_text.forward(image, text, { keyPaddingMask: padding }),
      text: this.text_to_image.forward(text, image),
    };
  }
}
