import { Embedding, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import { formatShape, iota, type Tensor } from '@tessera/tensor';
import { defaultHeads, Transformer } from '../blocks/transformer.ts';
import type { TextConfig } from '../clip/config.ts';

/** A text's tokens, each having seen all others. */
export interface EncodedText {
  /** [N, L, width]; the first token stands for the text. */
  readonly tokens: Tensor;
  /** bool [N, L]: true behind the text's end. */
  readonly padding: Tensor;
}

/**
 * A transformer over a text in which every token sees every other (Devlin et al. 2019, "BERT"), unlike CLIP's: what looks at
 * its tokens one by one needs each of them to know the whole text.
 */
export class TextEncoder extends Module {
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

  /** @param ids i32 [N, contextLength]; the largest id of a row ends its text, what follows is padding */
  forward(ids: Tensor): EncodedText {
    if (ids.ndim !== 2 || ids.shape[1] !== this.contextLength)
      throw new RangeError(`TextEncoder: needs tokens [N, ${this.contextLength}], got ${formatShape(ids.shape)}`);
    const padding = iota(ids.shape, 1).gt(ids.argmax(1, true).cast('i32'));
    const embedded = this.token_embedding.forward(ids).add(this.positional_embedding);
    const tokens = this.ln_final.forward(this.transformer.forward(embedded, { keyPaddingMask: padding }));
    return { tokens, padding };
  }
}
