/** From an image encoder's tokens to those of a language model. */
import { Activation, init, LayerNorm, Linear, Module, Parameter, Sequential, sizesOf } from '@tessera/nn';
import { concat, formatShape, type Tensor } from '@tessera/tensor';
import { CrossAttention, feedForward } from './cross-attention.ts';

/** Maps an image encoder's tokens [N, S, width] to tokens [N, T, outputWidth] of a language model. */
export interface Connector extends Module {
  forward(tokens: Tensor): Tensor;
}

/** One linear map for every token (LLaVA; Liu et al. 2023): [N, S, width] to [N, S, outputWidth]. */
export class LinearConnector extends Module implements Connector {
  readonly proj: Linear;

  constructor(width: number, outputWidth: number) {
    super();
    this.proj = new Linear(width, outputWidth);
  }

  forward(tokens: Tensor): Tensor {
    return this.proj.forward(tokens);
  }
}

/** Linear, GELU, Linear for every token (LLaVA 1.5; Liu et al. 2024): [N, S, width] to [N, S, outputWidth]. */
export class MLPConnector extends Module implements Connector {
  readonly layers: Sequential;

  /** @param hidden width of the hidden layer; default: `outputWidth` */
  constructor(width: number, outputWidth: number, hidden: number = outputWidth) {
    super();
    this.layers = new Sequential(new Linear(width, hidden), new Activation('gelu'), new Linear(hidden, outputWidth));
  }

  /** The layers' names are those of LLaVA's projector: 0 and 2. */
  override *members(): Iterable<[name: string, member: Module]> {
    yield ['', this.layers];
  }

  forward(tokens: Tensor): Tensor {
    return this.layers.forward(tokens);
  }
}

export interface ResamplerOptions {
  /** The number of output tokens. Default 64. */
  readonly latents?: number;
  /** Default 2. */
  readonly layers?: number;
  /** Default 8. */
  readonly heads?: number;
  /** Default 64. */
  readonly headWidth?: number;
}

/**
 * One layer of the resampler: the latents attend to the tokens and to themselves, then an MLP follows. Projections have no biases.
 */
class ResamplerLayer extends Module {
  readonly norm_media: LayerNorm;
  readonly norm_latents: LayerNorm;
  readonly attn: CrossAttention;
  readonly norm_ff: LayerNorm;
  readonly ff: Sequential;

  constructor(width: number, heads: number, headWidth: number) {
    super();
    this.norm_media = new LayerNorm(width);
    this.norm_latents = new LayerNorm(width);
    this.attn = new CrossAttention(width, heads, { innerWidth: heads * headWidth, bias: false });
    this.norm_ff = new LayerNorm(width);
    this.ff = feedForward(width, 4 * width, false);
  }

  forward(latents: Tensor, tokens: Tensor): Tensor {
    const queries = this.norm_latents.forward(latents);
    const context = concat([this.norm_media.forward(tokens), queries], 1);
    const attended = latents.add(this.attn.forward(queries, context));
    return attended.add(this.ff.forward(this.norm_ff.forward(attended)));
  }
}

/**
 * Flamingo's Perceiver Resampler (Alayrac et al. 2022, section 3.1, appendix A.1.1): learned latents gather the content of the tokens, so
 * that any number of tokens becomes a fixed number. [N, S, width] to [N, latents, outputWidth].
 */
export class PerceiverResampler extends Module implements Connector {
  readonly latents: Parameter;
  readonly layers: readonly ResamplerLayer[];
  readonly norm: LayerNorm;
  readonly proj: Linear;

  constructor(width: number, outputWidth: number, options: ResamplerOptions = {}) {
    super();
    const { latents = 64, layers = 2, heads = 8, headWidth = 64 } = options;
    this.latents = new Parameter(init.normal({ std: 0.02 })([latents, width]));
    this.layers = Array.from({ length: layers }, () => new ResamplerLayer(width, heads, headWidth));
    this.norm = new LayerNorm(width);
    this.proj = new Linear(width, outputWidth);
  }

  forward(tokens: Tensor): Tensor {
    const [count, width] = sizesOf(this.latents, 2, 'PerceiverResampler', 'latents [count, width]');
    const [n = 0, , own] = tokens.shape;
    if (tokens.ndim !== 3 || own !== width)
      throw new RangeError(`PerceiverResampler: needs tokens [N, S, ${width}], got ${formatShape(tokens.shape)}`);
    const start = this.latents.unsqueeze(0).expand(n, count, width);
    const gathered = this.layers.reduce((latents, layer) => layer.forward(latents, tokens), start);
    return this.proj.forward(this.norm.forward(gathered));
  }
}
