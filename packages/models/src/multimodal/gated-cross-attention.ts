/** Flamingo's gated cross-attention. */
import { init, LayerNorm, Module, Parameter, type Sequential } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { CrossAttention, type CrossAttentionCall, type CrossAttentionOptions, feedForward } from './cross-attention.ts';

export interface GatedCrossAttentionOptions extends Omit<CrossAttentionOptions, 'bias'> {
  /** Width of the MLP's hidden layer, in units of the block's width. Default 4. */
  readonly expansion?: number;
}

/**
 * Flamingo's block between the layers of a language model (Alayrac et al. 2022, figure 4). As in Flamingo, projections have no biases:
 *
 *     y = x + tanh(attn_gate) * attention(ln_1(x), ln_context(context))
 *     z = y + tanh(ff_gate) * mlp(ln_2(y))
 *
 * Both gates start at 0: inserted into a language model, the block does not change its output at first. As tanh(gate) = 0 also scales
 * the gradients of attention and MLP, the first step changes only the gates; attention and MLP learn from the second step on.
 */
export class GatedCrossAttentionBlock extends Module {
  readonly ln_1: LayerNorm;
  readonly ln_context: LayerNorm;
  readonly attn: CrossAttention;
  /** [1] */
  readonly attn_gate: Parameter;
  readonly ln_2: LayerNorm;
  readonly mlp: Sequential;
  /** [1] */
  readonly ff_gate: Parameter;

  constructor(width: number, heads: number, options: GatedCrossAttentionOptions = {}) {
    super();
    const { expansion = 4, ...attention } = options;
    this.ln_1 = new LayerNorm(width);
    this.ln_context = new LayerNorm(attention.contextWidth ?? width);
    this.attn = new CrossAttention(width, heads, { ...attention, bias: false });
    this.attn_gate = new Parameter(init.constant(0)([1]));
    this.ln_2 = new LayerNorm(width);
    this.mlp = feedForward(width, expansion * width, false);
    this.ff_gate = new Parameter(init.constant(0)([1]));
  }

  /**
   * @param x [N, L, width], the text
   * @param context [N, S, contextWidth], the image's tokens
   * @returns [N, L, width]
   */
  forward(x: Tensor, context: Tensor, call: CrossAttentionCall = {}): Tensor {
    const seen = this.attn.forward(this.ln_1.forward(x), this.ln_context.forward(context), call);
    const y = x.add(seen.mul(this.attn_gate.tanh()));
    return y.add(this.mlp.forward(this.ln_2.forward(y)).mul(this.ff_gate.tanh()));
  }
}
