/** The block of the plain Vision Transformers. */
import { type ActivationName, DropPath, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { Attention, type AttentionCall, type AttentionOptions } from './attention.ts';
import { Mlp } from './mlp.ts';

export const normPlacements = ['pre', 'post'] as const;

/**
 * `pre`: x + f(norm(x)), with one more norm after the last block (Dosovitskiy et al. 2021, equations 2 and 3; the default
 * everywhere). `post`: norm(x + f(x)), as in the first transformers (Vaswani et al. 2017, section 3.1).
 */
export type NormPlacement = (typeof normPlacements)[number];

export interface EncoderBlockOptions extends AttentionOptions {
  readonly norm?: NormPlacement;
  /** Width of the MLP's hidden layer, in units of the block's width. */
  readonly mlpRatio?: number;
  readonly activation?: ActivationName;
  /** Probability of dropping a whole branch of a sample in training. */
  readonly dropPath?: number;
  /** Scales each branch by a trained vector that starts here (Touvron et al. 2021, CaiT, equation 9). Default: none. */
  readonly layerScale?: number | null;
  readonly normEps?: number;
}

/** x * gamma, [..., width]. */
export class LayerScale extends Module {
  readonly gamma: Parameter;

  constructor(width: number, start: number) {
    super();
    this.gamma = new Parameter(init.constant(start)([width]));
  }

  forward(x: Tensor): Tensor {
    return x.mul(this.gamma);
  }
}

/** The epsilon of the LayerNorms in timm's Vision Transformers; PyTorch's default is 1e-5. */
export const vitNormEps = 1e-6;

/**
 * A block of a plain Vision Transformer, with timm's names: attention, then an MLP, each added to the identity.
 * [N, L, width] to [N, L, width], or to [N, queries, width] with `AttentionCall.queries`, which computes only the first tokens.
 */
export class EncoderBlock extends Module {
  readonly placement: NormPlacement;
  readonly norm1: LayerNorm;
  readonly attn: Attention;
  readonly ls1: LayerScale | null;
  readonly drop_path1: DropPath;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly ls2: LayerScale | null;
  readonly drop_path2: DropPath;

  constructor(width: number, heads: number, options: EncoderBlockOptions = {}) {
    super();
    const { norm = 'pre', mlpRatio = 4, dropPath = 0, layerScale = null, normEps = vitNormEps, ...rest } = options;
    const scale = (): LayerScale | null => (layerScale === null ? null : new LayerScale(width, layerScale));
    this.placement = norm;
    this.norm1 = new LayerNorm(width, { eps: normEps });
    this.attn = new Attention(width, heads, rest);
    this.ls1 = scale();
    this.drop_path1 = new DropPath(dropPath);
    this.norm2 = new LayerNorm(width, { eps: normEps });
    this.mlp = new Mlp(width, Math.trunc(width * mlpRatio), rest);
    this.ls2 = scale();
    this.drop_path2 = new DropPath(dropPath);
  }

  forward(x: Tensor, call: AttentionCall = {}): Tensor {
    return this.attend(x, call).output;
  }

  /** Like `forward`, but returns the attention weights [N, H, queries, L] too. */
  attend(x: Tensor, call: AttentionCall = {}): { output: Tensor; weights: Tensor } {
    const pre = this.placement === 'pre';
    const attended = this.attn.attend(pre ? this.norm1.forward(x) : x, call);
    const asking = call.queries === undefined ? x : x.slice(1, 0, call.queries);
    const first = asking.add(this.drop_path1.forward(scaled(this.ls1, attended.output)));
    const y = pre ? first : this.norm1.forward(first);
    const fed = this.mlp.forward(pre ? this.norm2.forward(y) : y);
    const second = y.add(this.drop_path2.forward(scaled(this.ls2, fed)));
    return { output: pre ? second : this.norm2.forward(second), weights: attended.weights };
  }
}

const scaled = (scale: LayerScale | null, x: Tensor): Tensor => (scale === null ? x : scale.forward(x));
