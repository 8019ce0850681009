/** Ways to join the features of an image and of a text. */
import { Activation, functional as F, init, Linear, Module, Parameter, Sequential, sizesOf } from '@tessera/nn';
import { concat, type Tensor } from '@tessera/tensor';
import { Transformer } from '../blocks/transformer.ts';

/** Features of both modalities in one space. */
export interface JointFeatures {
  /** [N, dim], of length 1 each. */
  readonly imageFeatures: Tensor;
  /** [N, dim], of length 1 each. */
  readonly textFeatures: Tensor;
}

/** A linear map from each modality's features into one space, where cosines compare them (CLIP; Radford et al. 2021, figure 3). */
export class JointProjection extends Module {
  readonly image_projection: Linear;
  readonly text_projection: Linear;

  constructor(imageWidth: number, textWidth: number, dim: number) {
    super();
    this.image_projection = new Linear(imageWidth, dim, { bias: false });
    this.text_projection = new Linear(textWidth, dim, { bias: false });
    this.image_projection.weight.initialize(init.normal({ std: imageWidth ** -0.5 }));
    this.text_projection.weight.initialize(init.normal({ std: textWidth ** -0.5 }));
  }

  /** image [N, imageWidth] and text [N, textWidth] to two times [N, dim] */
  forward(image: Tensor, text: Tensor): JointFeatures {
    return {
      imageFeatures: F.l2Normalize(this.image_projection.forward(image)),
      textFeatures: F.l2Normalize(this.text_projection.forward(text)),
    };
  }
}

/** Fusion by concatenation: an MLP over both feature vectors side by side, [..., imageWidth] and [..., textWidth] to [..., dim]. */
export class ConcatFusion extends Module {
  readonly mlp: Sequential;

  constructor(imageWidth: number, textWidth: number, dim: number) {
    super();
    this.mlp = new Sequential(new Linear(imageWidth + textWidth, dim), new Activation('gelu'), new Linear(dim, dim));
  }

  forward(image: Tensor, text: Tensor): Tensor {
    return this.mlp.forward(concat([image, text], -1));
  }
}

/**
 * Fusion by a weighted sum: both are mapped to one width, and added with learned shares a and 1 - a that start equal. [..., imageWidth]
 * and [..., textWidth] to [..., dim]. The sum is linear in each input: interactions between them need layers after it.
 */
export class WeightedSumFusion extends Module {
  readonly image_projection: Linear;
  readonly text_projection: Linear;
  /** [2]: the shares are its softmax. */
  readonly balance: Parameter;

  constructor(imageWidth: number, textWidth: number, dim: number) {
    super();
    this.image_projection = new Linear(imageWidth, dim);
    this.text_projection = new Linear(textWidth, dim);
    this.balance = new Parameter(init.constant(0)([2]));
  }

  /** [2]: the share of the image and that of the text. */
  shares(): Tensor {
    return this.balance.softmax(0);
  }

  forward(image: Tensor, text: Tensor): Tensor {
    const shares = this.shares();
    return this.image_projection
      .forward(image)
      .mul(shares.select(0, 0))
      .add(this.text_projection.forward(text).mul(shares.select(0, 1)));
  }
}

/**
 * Fusion by a transformer over both sequences (Kim et al. 2021, "ViLT"): each is mapped to one width and marked with an embedding of
 * its modality; a class token in front collects the result. Positions are up to the encoders.
 */
export class TransformerFusion extends Module {
  readonly image_projection: Linear;
  readonly text_projection: Linear;
  readonly class_embedding: Parameter;
  /** [2, dim]: image, text. */
  readonly modality_embedding: Parameter;
  readonly transformer: Transformer;

  constructor(imageWidth: number, textWidth: number, dim: number, layers: number, heads: number) {
    super();
    this.image_projection = new Linear(imageWidth, dim);
    this.text_projection = new Linear(textWidth, dim);
    this.class_embedding = new Parameter(init.normal({ std: 0.02 })([dim]));
    this.modality_embedding = new Parameter(init.normal({ std: 0.02 })([2, dim]));
    this.transformer = new Transformer(dim, layers, heads, { activation: 'gelu', batchFirst: true });
  }

  /**
   * @param image [N, P, imageWidth]
   * @param text [N, L, textWidth]
   * @param padding bool [N, L], true where the text is padding
   * @returns [N, 1 + P + L, dim], the class token first
   */
  forward(image: Tensor, text: Tensor, padding: Tensor | null = null): Tensor {
    const { tokens, keyPaddingMask } = this.#sequence(image, text, padding);
    return this.transformer.forward(tokens, { keyPaddingMask });
  }

  /** The result of `forward` for the class token, [N, dim]. The last block computes only that token. */
  classToken(image: Tensor, text: Tensor, padding: Tensor | null = null): Tensor {
    const { tokens, keyPaddingMask } = this.#sequence(image, text, padding);
    return this.transformer.forwardAt(tokens, 0, { keyPaddingMask });
  }

  /** [N, 1 + P + L, dim], and bool [N, 1 + P + L], true where a token is padding */
  #sequence(image: Tensor, text: Tensor, padding: Tensor | null): { tokens: Tensor; keyPaddingMask: Tensor | null } {
    const [n, patches] = sizesOf(image, 3, 'TransformerFusion', 'image tokens [N, P, imageWidth]');
    const dim = this.transformer.width;
    const marked = [this.image_projection.forward(image), this.text_projection.forward(text)].map((tokens, k) =>
      tokens.add(this.modality_embedding.select(0, k)),
    );
    const tokens = concat([this.class_embedding.expand([n, 1, dim]), ...marked], 1);
    // The class token and the image are never padding.
    const front: [number, number] = [1 + patches, 0];
    const keyPaddingMask =
      padding === null
        ? null
        : padding
            .cast('i32')
            .pad([[0, 0], front])
            .cast('bool');
    return { tokens, keyPaddingMask };
  }
}
