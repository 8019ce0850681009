/** A Vision Transformer with a causal language model that reads what it sees. */
import {
  GatedCrossAttentionBlock,
  MLPConnector,
  PerceiverResampler,
  ResidualAttentionBlock,
  Transformer,
  ViT,
} from '@tessera/models';
import { Embedding, init, LayerNorm, Module, Parameter } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';
import { type TextSizes, type ViTSizes, vitOptions } from '../vit-settings.ts';

export interface CaptionerConfig {
  readonly vision: ViTSizes;
  readonly text: TextSizes & { readonly vocabularySize: number };
  /** How the language model sees the image. `latents`: tokens that the resampler makes of an image. */
  readonly reader: { readonly kind: 'prefix' } | { readonly kind: 'gated'; readonly latents: number };
}

type Sizes = Pick<CaptionerConfig, 'vision' | 'text'>;

/** The layers of a language model, and how an image's tokens reach them. */
interface Reader extends Module {
  /** seen [N, S, vision width], words [N, L, text width] to [N, L, text width], each word having seen those before it. */
  forward(seen: Tensor, words: Tensor): Tensor;
}

const causal = { causal: true, activation: 'gelu', batchFirst: true } as const;

/** The image before the text (Liu et al. 2023, "LLaVA"): its tokens go through a connector and precede the words. */
class PrefixReader extends Module implements Reader {
  readonly connector: MLPConnector;
  readonly transformer: Transformer;

  constructor({ vision, text }: Sizes) {
    super();
    this.connector = new MLPConnector(vision.width, text.width);
    this.transformer = new Transformer(text.width, text.layers, text.heads, causal);
  }

  forward(seen: Tensor, words: Tensor): Tensor {
    const prefix = this.connector.forward(seen);
    return this.transformer.forward(concat([prefix, words], 1)).slice(1, prefix.shape[1]);
  }
}

/** The image between the layers (Alayrac et al. 2022, "Flamingo"): a resampler, and a gated block before each layer. */
class GatedReader extends Module implements Reader {
  readonly resampler: PerceiverResampler;
  readonly gated: readonly GatedCrossAttentionBlock[];
  readonly layers: readonly ResidualAttentionBlock[];
  readonly #steps: readonly { readonly gate: GatedCrossAttentionBlock; readonly layer: ResidualAttentionBlock }[];

  constructor({ vision, text }: Sizes, latents: number) {
    super();
    const { width, heads, layers } = text;
    this.resampler = new PerceiverResampler(vision.width, width, {
      ...{ latents, layers: 1 },
      ...{ heads: vision.heads, headWidth: vision.width / vision.heads },
    });
    this.gated = Array.from({ length: layers }, () => new GatedCrossAttentionBlock(width, heads));
    this.#steps = this.gated.map((gate) => ({ gate, layer: new ResidualAttentionBlock(width, heads, causal) }));
    this.layers = this.#steps.map(({ layer }) => layer);
  }

  forward(seen: Tensor, words: Tensor): Tensor {
    const context = this.resampler.forward(seen);
    return this.#steps.reduce((x, { gate, layer }) => layer.forward(gate.forward(x, context)), words);
  }
}

function createReader({ reader, ...sizes }: CaptionerConfig): Reader {
  switch (reader.kind) {
    case 'prefix':
      return new PrefixReader(sizes);
    case 'gated':
      return new GatedReader(sizes, reader.latents);
    default:
      return reader satisfies never;
  }
}

/** A Vision Transformer and a causal language model that reads what it sees. */
export class Captioner extends Module {
  readonly visual: ViT;
  readonly token_embedding: Embedding;
  readonly positional_embedding: Parameter;
  readonly reader: Reader;
  readonly ln_final: LayerNorm;

  constructor(config: CaptionerConfig) {
    super();
    const { vision, text } = config;
    const reader = createReader(config);
    this.visual = new ViT(vitOptions(vision));
    this.token_embedding = new Embedding(text.vocabularySize, text.width);
    this.token_embedding.weight.initialize(init.normal({ std: 0.02 }));
    this.positional_embedding = new Parameter(init.normal({ std: 0.01 })([text.contextLength, text.width]));
    this.reader = reader;
    this.ln_final = new LayerNorm(text.width);
  }

  /** Tokens of images: [N, 3, R, R], normalized, to [N, S, vision width]. */
  see(images: Tensor): Tensor {
    return this.visual.encode(images).tokens;
  }

  /** Tokens of images and ids i32 [N, L] to the logits of the next token at each of the L places, [N, L, vocabulary]. */
  read(seen: Tensor, ids: Tensor): Tensor {
    const words = this.token_embedding.forward(ids).add(this.positional_embedding);
    const read = this.ln_final.forward(this.reader.forward(seen, words));
    // The words' vectors are the weights of the output, too (Press and Wolf 2017).
    return read.matmul(this.token_embedding.weight.transpose(0, 1));
  }

  /** [N, 3, R, R], normalized, and ids i32 [N, L] to [N, L, vocabulary]: see `read`. */
  forward(images: Tensor, ids: Tensor): Tensor {
    return this.read(this.see(images), ids);
  }
}
