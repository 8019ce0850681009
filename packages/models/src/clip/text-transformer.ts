/** CLIP's text tower. */
import { type ActivationName, Embedding, init, LayerNorm, type Linear, Module, Parameter } from '@tessera/nn';
import { formatShape, type Tensor } from '@tessera/tensor';
import { defaultHeads, type ResidualAttentionBlock, Transformer } from '../blocks/transformer.ts';
import type { GroupMatcher, LayeredModel } from '../tower/parameter-layers.ts';
import type { TextConfig } from './config.ts';

export interface TextTransformerOptions {
  readonly activation?: ActivationName;
}

/**
 * CLIP's text tower: a causal transformer whose output at the end-of-text token represents the caption. That token has the
 * largest id of the vocabulary, so its place is where the ids are largest; padding follows it, which the causal mask hides.
 */
export class TextTransformer extends Module implements LayeredModel {
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly outputDim: number;
  readonly token_embedding: Embedding;
  readonly positional_embedding: Parameter;
  readonly transformer: Transformer;
  readonly ln_final: LayerNorm;
  readonly text_projection: Parameter;

  constructor(config: TextConfig, outputDim: number, options: TextTransformerOptions = {}) {
    super();
    const { contextLength, vocabularySize, width, layers } = config;
    this.contextLength = contextLength;
    this.vocabularySize = vocabularySize;
    this.outputDim = outputDim;
    this.token_embedding = new Embedding(vocabularySize, width);
    this.token_embedding.weight.initialize(init.normal({ std: 0.02 }));
    this.positional_embedding = new Parameter(init.normal({ std: 0.01 })([contextLength, width]));
    this.transformer = new Transformer(width, layers, defaultHeads(config), {
      ...options,
      causal: true,
      batchFirst: true,
    });
    for (const block of this.transformer.resblocks) initializeBlock(block, width, layers);
    this.ln_final = new LayerNorm(width);
    this.text_projection = new Parameter(init.normal({ std: width ** -0.5 })([width, outputDim]));
  }

  groupMatcher(): GroupMatcher {
    return {
      stem: /^(token_embedding|positional_embedding)\b/,
      blocks: [/^transformer\.resblocks\.(\d+)/],
      end: /^ln_final\b/,
    };
  }

  /**
   * Padding at the end of all captions may be left out: the causal mask hides it, so nothing depends on it.
   *
   * @param tokens i32 [N, L], L at most `contextLength`
   * @returns [N, outputDim]
   */
  forward(tokens: Tensor): Tensor {
    const [, length = 0] = tokens.shape;
    if (tokens.ndim !== 2 || length < 1 || length > this.contextLength)
      throw new RangeError(
        `TextTransformer: needs tokens [N, L] with L from 1 to ${this.contextLength}, got ${formatShape(tokens.shape)}`,
      );
    const end = tokens.argmax(1).cast('i32'); // [N]
    const positions = this.positional_embedding.slice(0, 0, length);
    const x = this.token_embedding.forward(tokens).add(positions); // [N, L, width]
    return this.ln_final.forward(this.transformer.forwardAt(x, end)).matmul(this.text_projection);
  }
}

/** CLIP's initial values of the text blocks: the more layers add to the residual stream, the less each adds. */
function initializeBlock(block: ResidualAttentionBlock, width: number, layers: number): void {
  const residual = width ** -0.5 * (2 * layers) ** -0.5;
  const { weight: expansion } = block.mlp.get('c_fc') as Linear;
  const { weight: projection } = block.mlp.get('c_proj') as Linear;
  block.attn.in_proj_weight?.initialize(init.normal({ std: width ** -0.5 }));
  block.attn.out_proj.weight.initialize(init.normal({ std: residual }));
  expansion.initialize(init.normal({ std: (2 * width) ** -0.5 }));
  projection.initialize(init.normal({ std: residual }));
}
