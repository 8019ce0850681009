/** Classification of pairs of an image and a text. */
import { Activation, LayerNorm, Linear, Module, Sequential } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { TextConfig } from '../clip/config.ts';
import { ViT, type ViTOptions } from '../vit/index.ts';
import { CoAttentionBlock } from './cross-attention.ts';
import { ConcatFusion, TransformerFusion, WeightedSumFusion } from './fusion.ts';
import { GatedCrossAttentionBlock } from './gated-cross-attention.ts';
import { TextEncoder } from './text-encoder.ts';

/** Both encoders' tokens. The first token of each represents the whole image or text. */
interface Encoded {
  /** [N, P, imageWidth] */
  readonly image: Tensor;
  /** [N, L, textWidth] */
  readonly text: Tensor;
  /** bool [N, L]: true after the end of the text. */
  readonly padding: Tensor;
}

/** Joins both encoders' tokens to one vector [N, dim]. */
interface Fuser extends Module {
  forward(encoded: Encoded): Tensor;
}

interface Widths {
  readonly image: number;
  readonly text: number;
  readonly dim: number;
  readonly heads: number;
}

const firstToken = (tokens: Tensor): Tensor => tokens.select(1, 0);

/** A fusion of the first tokens, which represent the whole image and the whole text. */
class FuseFirstTokens extends Module implements Fuser {
  readonly fusion: ConcatFusion | WeightedSumFusion;

  constructor(fusion: ConcatFusion | WeightedSumFusion) {
    super();
    this.fusion = fusion;
  }

  forward({ image, text }: Encoded): Tensor {
    return this.fusion.forward(firstToken(image), firstToken(text));
  }
}

class FuseTransformer extends Module implements Fuser {
  readonly fusion: TransformerFusion;

  constructor({ image, text, dim, heads }: Widths) {
    super();
    this.fusion = new TransformerFusion(image, text, dim, 2, heads);
  }

  forward({ image, text, padding }: Encoded): Tensor {
    return this.fusion.classToken(image, text, padding);
  }
}

/** Cross-attention both ways, then concatenation. */
class FuseCoAttention extends Module implements Fuser {
  readonly block: CoAttentionBlock;
  readonly fusion: ConcatFusion;

  constructor({ image, text, dim, heads }: Widths) {
    super();
    this.block = new CoAttentionBlock(image, text, heads);
    this.fusion = new ConcatFusion(image, text, dim);
  }

  forward({ image, text, padding }: Encoded): Tensor {
    const seen = this.block.forward(image, text, padding);
    return this.fusion.forward(firstToken(seen.image), firstToken(seen.text));
  }
}

/** As in Flamingo: the text attends to the image, through a gate. */
class FuseGated extends Module implements Fuser {
  readonly block: GatedCrossAttentionBlock;
  readonly proj: Linear;

  constructor({ image, text, dim, heads }: Widths) {
    super();
    this.block = new GatedCrossAttentionBlock(text, heads, { contextWidth: image });
    this.proj = new Linear(text, dim);
  }

  forward({ image, text }: Encoded): Tensor {
    return this.proj.forward(firstToken(this.block.forward(text, image)));
  }
}

const fusers = {
  concat: ({ image, text, dim }) => new FuseFirstTokens(new ConcatFusion(image, text, dim)),
  'weighted-sum': ({ image, text, dim }) => new FuseFirstTokens(new WeightedSumFusion(image, text, dim)),
  transformer: (widths) => new FuseTransformer(widths),
  'co-attention': (widths) => new FuseCoAttention(widths),
  'gated-cross-attention': (widths) => new FuseGated(widths),
} satisfies Record<string, (widths: Widths) => Fuser>;

export type FusionKind = keyof typeof fusers;

/** The kinds of fusion of a multimodal classifier. */
export const fusionKinds = Object.keys(fusers) as readonly FusionKind[];

export interface MultimodalClassifierConfig {
  readonly vision: Omit<ViTOptions, 'classes' | 'readout' | 'classToken' | 'distilled'>;
  readonly text: TextConfig;
  readonly fusion: FusionKind;
  /** Width of the joint features. */
  readonly dim: number;
  /** Heads of the fusion's attention; must divide `dim` and both widths. Default 2. */
  readonly heads?: number;
  readonly classes: number;
}

/** Classifies pairs of an image and a text: a transformer over each, a fusion of both, and an MLP head. */
export class MultimodalClassifier extends Module {
  readonly visual: ViT;
  readonly text: TextEncoder;
  readonly fusion: Fuser;
  readonly head: Sequential;

  constructor({ vision, text, fusion, dim, heads = 2, classes }: MultimodalClassifierConfig) {
    super();
    this.visual = new ViT({ ...vision, classes: 0 });
    this.text = new TextEncoder(text);
    this.fusion = fusers[fusion]({ image: vision.width, text: text.width, dim, heads });
    this.head = new Sequential(
      ['norm', new LayerNorm(dim)],
      ['c_fc', new Linear(dim, 2 * dim)],
      ['gelu', new Activation('gelu')],
      ['c_proj', new Linear(2 * dim, classes)],
    );
  }

  /**
   * @param images [N, 3, R, R], normalized
   * @param ids i32 [N, L]; the largest id of a row ends its text
   * @returns logits [N, classes]
   */
  forward(images: Tensor, ids: Tensor): Tensor {
    const { tokens: text, padding } = this.text.forward(ids);
    return this.head.forward(this.fusion.forward({ image: this.visual.encode(images).tokens, text, padding }));
  }
}
