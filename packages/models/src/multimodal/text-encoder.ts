/** The text encoder of multimodal models. */
import { Embedding, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import { formatShape, iota, type Tensor } from '@tessera/tensor';
import { defaultHeads, Transformer } from '../blocks/transformer.ts';
import type { TextConfig } from '../clip/config.ts';
import type { GroupMatcher, LayeredModel } from '../tower/parameter-layers.ts';

/** The tokens of a text, after each has attended to all others. */
export interface EncodedText {
  /** [N, L, width]; the first token represents the text. */
  readonly tokens: Tensor;
  /** bool [N, L]: true after the end of the text. */
  readonly padding: Tensor;
}

/**
 * A transformer over a text in which every token sees every other (Devlin et al. 2019, "BERT"). CLIP's text tower is causal; here, other
 * modules attend to single tokens, so each of them must know the whole text.
 */
export class TextEncoder extends Module implements LayeredModel {
  readonly contextLength: number;
  readonly token_embedding: Embedding;
  readonly positional_embedding: Parameter;
  readonly transformer: Transformer;
  readonly ln_final: LayerNorm;

  constructor(config: TextConfig) {
    super();
    const { contextLength, vocabularySize, width, layers } = config;
    this.contextLength = contextLength;
    this.token_embedding = new Embedding(vocabularySize, width);
    this.token_embedding.weight.initialize(init.normal({ std: 0.02 }));
    this.positional_embedding = new Parameter(init.normal({ std: 0.01 })([contextLength, width]));
    this.transformer = new Transformer(width, layers, defaultHeads(config), { activation: 'gelu', batchFirst: true });
    this.ln_final = new LayerNorm(width);
  }

  groupMatcher(): GroupMatcher {
    return {
      stem: /^(token_embedding|positional_embedding)\b/,
      blocks: [/^transformer\.resblocks\.(\d+)/],
      end: /^ln_final\b/,
    };
  }

  /** @param ids i32 [N, contextLength]; the largest id of a row ends its text, and padding follows */
  forward(ids: Tensor): EncodedText {
    if (ids.ndim !== 2 || ids.shape[1] !== this.contextLength)
      throw new RangeError(`TextEncoder: needs tokens [N, ${this.contextLength}], got ${formatShape(ids.shape)}`);
    const padding = iota(ids.shape, 1).gt(ids.argmax(1, true).cast('i32'));
    const embedded = this.token_embedding.forward(ids).add(this.positional_embedding);
    const tokens = this.ln_final.forward(this.transformer.forward(embedded, { keyPaddingMask: padding }));
    return { tokens, padding };
  }
}
