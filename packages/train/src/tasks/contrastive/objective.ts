/** The contrastive losses of CLIP and SigLIP. */
import { type CLIP, preprocess } from '@tessera/models';
import { contrastiveLoss, type DuplicateRule, sigLipLoss } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { BatchTensors, ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';

/** A batch of pairs: u8 [B, H, W, 3]; i32 [B * K, L], K captions for each image; i32 [B]. */
export type PairTensors = { readonly images: Tensor; readonly tokens: Tensor; readonly concepts: Tensor };

export interface ContrastiveOptions {
  /** `clip`: softmax over the batch (Radford et al. 2021). `siglip`: one decision for each pair (Zhai et al. 2023). */
  readonly loss?: 'clip' | 'siglip';
  /** What an image and a text of equal concept are to each other where they are not of one pair. Default: `mask`. */
  readonly duplicates?: DuplicateRule;
  /** The image tower stays as it is and the text tower is trained to fit it: locked-image tuning (Zhai et al. 2022). */
  readonly freezeImageTower?: boolean;
}

/** Trains CLIP: an image's features are to point the same way as its caption's. */
export class ContrastiveObjective implements SeparableObjective<PairTensors> {
  readonly model: CLIP;
  readonly #options: Required<ContrastiveOptions>;

  constructor(model: CLIP, { loss = 'clip', duplicates = 'mask', freezeImageTower = false }: ContrastiveOptions = {}) {
    this.model = model;
    this.#options = { loss, duplicates, freezeImageTower };
    if (freezeImageTower) model.visual.freeze();
  }

  trainingMode(): void {
    this.model.train();
    // Otherwise batch normalisation would go on updating its statistics.
    if (this.#options.freezeImageTower) this.model.visual.eval();
  }

  /** Features of length 1: imageFeatures [B, E], textFeatures [B * K, E]. */
  encode({ images, tokens }: PairTensors): BatchTensors {
    const { imageFeatures, textFeatures } = this.model.forward(preprocess(images), tokens);
    return { imageFeatures, textFeatures };
  }

  lossOf({ imageFeatures, textFeatures }: BatchTensors, { concepts }: PairTensors): ObjectiveLoss {
    const { loss: kind, duplicates } = this.#options;
    const { logit_scale, logit_bias: logitBias } = this.model;
    const logitScale = logit_scale.exp();
    const features = { imageFeatures, textFeatures, logitScale, logitBias };
    const loss = (kind === 'clip' ? contrastiveLoss : sigLipLoss)(features, { concepts, duplicates });
    return { loss, measures: { logitScale } };
  }

  loss(batch: PairTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }

  constrain(): void {
    this.model.clampLogitScale();
  }
}
