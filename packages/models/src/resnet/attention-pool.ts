/** The pool at the end of CLIP's ResNet. */
import { functional as F, init, Linear, Module, Parameter } from '@tessera/nn';
import { concat, einsum, formatShape, type Tensor } from '@tessera/tensor';

/**
 * Pools an image's features by attention: the mean over all places, as a token in front of them, is the only query. Positions are
 * trained, one for the mean and one for each place.
 */
export class AttentionPool2d extends Module {
  readonly numHeads: number;
  readonly outputDim: number;
  readonly positional_embedding: Parameter;
  readonly k_proj: Linear;
  readonly q_proj: Linear;
  readonly v_proj: Linear;
  readonly c_proj: Linear;

  /** @param spatialDim side of the square feature map */
  constructor(spatialDim: number, embedDim: number, numHeads: number, outputDim: number = embedDim) {
    super();
    if (embedDim % numHeads !== 0)
      throw new RangeError(`AttentionPool2d: width ${embedDim} does not divide into ${numHeads} heads`);
    const std = embedDim ** -0.5;
    this.numHeads = numHeads;
    this.outputDim = outputDim;
    this.positional_embedding = new Parameter(init.normal({ std })([spatialDim ** 2 + 1, embedDim]));
    this.k_proj = new Linear(embedDim, embedDim);
    this.q_proj = new Linear(embedDim, embedDim);
    this.v_proj = new Linear(embedDim, embedDim);
    this.c_proj = new Linear(embedDim, outputDim);
  }

  /** CLIP's initial values of the four projections: N(0, 1 / sqrt(width)). */
  initialize(): void {
    for (const { weight, inFeatures } of [this.q_proj, this.k_proj, this.v_proj, this.c_proj])
      weight.initialize(init.normal({ std: inFeatures ** -0.5 }));
  }

  /** [N, C, S, S] to [N, outputDim] */
  forward(features: Tensor): Tensor {
    return this.attend(features).output;
  }

  /** Like `forward`, but returns the attention weights [N, H, 1, 1 + S * S] too: the mean's, then those of the places. */
  attend(features: Tensor): { output: Tensor; weights: Tensor } {
    const places = features.flatten(2); // [N, C, S * S]
    const [tokens = 0, width] = this.positional_embedding.shape;
    const [, channels, count = 0] = places.shape;
    if (places.ndim !== 3 || channels !== width || count + 1 !== tokens)
      throw new RangeError(
        `AttentionPool2d: features ${formatShape(features.shape)} do not fit: ${width} channels and ${tokens - 1} places expected`,
      );
    const x = concat([places.mean(2, true), places], 2) // [N, C, 1 + S * S]
      .transpose(1, 2)
      .add(this.positional_embedding);
    const heads = (projected: Tensor): Tensor => F.splitHeads(projected, this.numHeads).permute(0, 2, 1, 3);
    const query = heads(this.q_proj.forward(x.slice(1, 0, 1))); // [N, H, 1, D]
    const weights = F.attentionWeights(query, heads(this.k_proj.forward(x))); // [N, H, 1, 1 + S * S]
    const pooled = einsum('nhls,nhsd->nlhd', weights, heads(this.v_proj.forward(x)));
    return { output: this.c_proj.forward(pooled.flatten(1)), weights }; // one query: [N, 1 * H * D]
  }
}
