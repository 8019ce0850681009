/** The layers of the first transformers (Vaswani et al. 2017), with PyTorch's names. */
import type { Tensor } from '@tessera/tensor';
import { requireWhole } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { type ActivationName, activations } from './activations.ts';
import { MultiheadAttention, type MultiheadAttentionCall } from './attention/multihead-attention.ts';
import { ModuleList } from './containers.ts';
import { Dropout } from './dropout.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';

export interface TransformerLayerOptions {
  /** Width of the hidden layer of the MLP. Default: 2048. */
  readonly dimFeedforward?: number;
  /** Probability of dropping an attention weight, a number of the hidden layer, and a number of each branch. Default: 0.1. */
  readonly dropout?: number;
  /** Default: `relu`. */
  readonly activation?: ActivationName;
  readonly layerNormEps?: number;
  /** Sequences are [N, L, E] instead of [L, N, E]. */
  readonly batchFirst?: boolean;
  /** Normalizes the input of each branch instead of the sum. Default: false, as in the paper. */
  readonly normFirst?: boolean;
  readonly bias?: boolean;
}

/** What both layers share: the MLP, and where the norms are. */
abstract class TransformerLayer extends Module {
  readonly normFirst: boolean;
  readonly activation: ActivationName;
  readonly self_attn: MultiheadAttention;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions) {
    super();
    const { dropout = 0.1, activation = 'relu', batchFirst = false, normFirst = false, bias = true } = options;
    requireWhole(new.target.name, { dimFeedforward: options.dimFeedforward ?? defaultFeedforward });
    if (!Object.hasOwn(activations, activation))
      throw new RangeError(
        `${new.target.name}: activation must be one of ${Object.keys(activations).join(', ')}, got '${activation}'`,
      );
    this.normFirst = normFirst;
    this.activation = activation;
    this.self_attn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst, bias });
  }

  /** Adds a branch: normalized before it, or after the sum. */
  protected add(x: Tensor, norm: LayerNorm, branch: (input: Tensor) => Tensor): Tensor {
    return this.normFirst ? x.add(branch(norm.forward(x))) : norm.forward(x.add(branch(x)));
  }
}

const defaultFeedforward = 2048;

/** The MLP's layers: linear1, activation, dropout, linear2. */
function feedForward(
  { activation, linear1, linear2, dropout }: TransformerEncoderLayer | TransformerDecoderLayer,
  x: Tensor,
): Tensor {
  return linear2.forward(dropout.forward(activations[activation](linear1.forward(x))));
}

/** Self-attention and an MLP, each with a residual connection, dropout and a layer norm. */
export class TransformerEncoderLayer extends TransformerLayer {
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const { dimFeedforward = defaultFeedforward, dropout = 0.1, layerNormEps = 1e-5, bias = true } = options;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: layerNormEps, bias });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    [this.norm1, this.norm2] = [norm(), norm()];
    [this.dropout1, this.dropout2] = [new Dropout(dropout), new Dropout(dropout)];
  }

  /**
   * @param source [L, N, E], [N, L, E] with `batchFirst`, or [L, E]
   * @param masks as in `MultiheadAttention`
   * @returns the source's shape
   */
  forward(source: Tensor, masks: MultiheadAttentionCall = {}): Tensor {
    const attended = this.add(source, this.norm1, (x) => this.dropout1.forward(this.self_attn.forward(x, x, x, masks)));
    return this.add(attended, this.norm2, (x) => this.dropout2.forward(feedForward(this, x)));
  }
}

/** The masks of a decoder layer: those of its own sequence, and those of the memory. */
export interface DecoderCall extends MultiheadAttentionCall {
  /** Masks of the attention from the sequence to the memory. */
  readonly memory?: MultiheadAttentionCall;
}

/** Self-attention, attention to the output of an encoder, and an MLP, each with a residual connection, dropout and a layer norm. */
export class TransformerDecoderLayer extends TransformerLayer {
  readonly multihead_attn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options);
    const { dimFeedforward = defaultFeedforward, dropout = 0.1, layerNormEps = 1e-5 } = options;
    const { batchFirst = false, bias = true } = options;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: layerNormEps, bias });
    this.multihead_attn = new MultiheadAttention(dModel, nhead, { dropout, batchFirst, bias });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    [this.norm1, this.norm2, this.norm3] = [norm(), norm(), norm()];
    [this.dropout1, this.dropout2, this.dropout3] = [new Dropout(dropout), new Dropout(dropout), new Dropout(dropout)];
  }

  /**
   * @param target [L, N, E], [N, L, E] with `batchFirst`, or [L, E]
   * @param memory [S, N, E]: the output of an encoder
   * @returns the target's shape
   */
  forward(target: Tensor, memory: Tensor, { memory: masks = {}, ...own }: DecoderCall = {}): Tensor {
    const attended = this.add(target, this.norm1, (x) => this.dropout1.forward(this.self_attn.forward(x, x, x, own)));
    const informed = this.add(attended, this.norm2, (x) =>
      this.dropout2.forward(this.multihead_attn.forward(x, memory, memory, masks)),
    );
    return this.add(informed, this.norm3, (x) => this.dropout3.forward(feedForward(this, x)));
  }
}

export interface TransformerStackOptions {
  /** A norm behind the last layer, as layers with `normFirst` need it. Default: none. */
  readonly norm?: LayerNorm | null;
}

/** Layers in a row, `layers.0`, `layers.1`, ..., and a norm. */
abstract class Stack<Layer extends Module> extends Module {
  readonly layers: ModuleList<Layer>;
  readonly norm: LayerNorm | null;

  /** @param layer makes a layer: called once for each, so that every layer has weights of its own */
  constructor(layer: () => Layer, numLayers: number, { norm = null }: TransformerStackOptions = {}) {
    super();
    requireWhole(new.target.name, { numLayers });
    this.layers = new ModuleList(Array.from({ length: numLayers }, layer));
    this.norm = norm;
  }

  protected through(x: Tensor, apply: (layer: Layer, x: Tensor) => Tensor): Tensor {
    const output = [...this.layers].reduce((value, layer) => apply(layer, value), x);
    return this.norm === null ? output : this.norm.forward(output);
  }
}

/** Encoder layers in a row: `new TransformerEncoder(() => new TransformerEncoderLayer(512, 8), 6)`. */
export class TransformerEncoder extends Stack<TransformerEncoderLayer> {
  /** Shapes and masks as in `TransformerEncoderLayer`. */
  forward(source: Tensor, masks: MultiheadAttentionCall = {}): Tensor {
    return this.through(source, (layer, x) => layer.forward(x, masks));
  }
}

/** Decoder layers in a row. */
export class TransformerDecoder extends Stack<TransformerDecoderLayer> {
  /** Shapes and masks as in `TransformerDecoderLayer`. */
  forward(target: Tensor, memory: Tensor, masks: DecoderCall = {}): Tensor {
    return this.through(target, (layer, x) => layer.forward(x, memory, masks));
  }
}
