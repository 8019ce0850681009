/** The contrastive objectives of CLIP and SigLIP. */
import { type CLIP, preprocess } from '@tessera/models';
import { contrastiveLoss, type DuplicateRule, sigLipLoss } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';

/** A batch of pairs: u8 [B, H, W, 3]; i32 [B * K, L], K captions for each image; i32 [B]. */
export type PairTensors = { readonly images: Tensor; readonly tokens: Tensor; readonly concepts: Tensor };

/** Features of length 1 of a batch of pairs: [B, E]; [B * K, E]. */
type PairFeatures = { readonly imageFeatures: Tensor; readonly textFeatures: Tensor };

export interface ContrastiveOptions {
  /** `clip`: softmax over the batch (Radford et al. 2021). `siglip`: one decision for each pair (Zhai et al. 2023). */
  readonly loss?: 'clip' | 'siglip';
  /** How an image and the text of another pair with the same concept are treated. Default: `mask`. */
  readonly duplicates?: DuplicateRule;
  /** Whether the image tower is frozen and only the text tower is trained: locked-image tuning (Zhai et al. 2022). */
  readonly freezeImageTower?: boolean;
}

/** Trains CLIP so that the features of an image and of its caption point in the same direction. */
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
    // Otherwise batch normalization would continue to update its statistics.
    if (this.#options.freezeImageTower) this.model.visual.eval();
  }

  encode({ images, tokens }: PairTensors): PairFeatures {
    const { imageFeatures, textFeatures } = this.model.forward(preprocess(images), tokens);
    return { imageFeatures, textFeatures };
  }

  lossOf({ imageFeatures, textFeatures }: PairFeatures, { concepts }: PairTensors): ObjectiveLoss {
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
