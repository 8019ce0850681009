import { einsum, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { crossEntropy, logSigmoid } from './loss.ts';

/** What a two-tower model gives for one batch of pairs. */
export interface PairedFeatures {
  /** [B, E], of length 1 each. */
  readonly imageFeatures: Tensor;
  /** [B, E], of length 1 each. */
  readonly textFeatures: Tensor;
  /** The factor on the cosines, a scalar: exp of the trained logit_scale. */
  readonly logitScale: Tensor;
  /** Added to the scaled cosines (SigLIP), a scalar. */
  readonly logitBias?: Tensor | null;
}

export interface PairOptions {
  /**
   * i32 [B]: the concept that each pair shows. Pairs of one concept are not negatives of each other: their entries are left
   * out, the pair's own excepted.
   */
  readonly concepts?: Tensor | null;
}

/** x / |x| along the last axis, with |x| at least `eps`. */
export function l2Normalize(features: Tensor, eps = 1e-12): Tensor {
  return features.div(features.square().sum(-1, true).sqrt().maximum(eps));
}

/** logitScale * imageFeatures textFeatures^T + logitBias: [B, B], a row an image, a column a text. */
export function pairLogits(
  { imageFeatures, textFeatures, logitScale, logitBias }: PairedFeatures,
  op = 'pairLogits',
): Tensor {
  const [images, texts] = [imageFeatures.shape, textFeatures.shape];
  if (images.length !== 2 || texts.length !== 2 || images[0] !== texts[0] || images[1] !== texts[1])
    throw new RangeError(
      `${op}: image features ${formatShape(images)} and text features ${formatShape(texts)} must both be [B, E]`,
    );
  const logits = einsum('ie,te->it', imageFeatures, textFeatures).mul(logitScale);
  return logitBias === undefined || logitBias === null ? logits : logits.add(logitBias);
}

/** bool [B, B]: entries off the diagonal whose two concepts are equal. */
function sameConcept(op: string, concepts: Tensor, batch: number): Tensor {
  if (concepts.ndim !== 1 || concepts.shape[0] !== batch || concepts.dtype !== 'i32')
    throw new RangeError(
      `${op}: concepts must be i32 [${batch}], got ${concepts.dtype} ${formatShape(concepts.shape)}`,
    );
  const equal = concepts.unsqueeze(0).eq(concepts.unsqueeze(1));
  return equal.logicalAnd(iota([batch, batch], 0).ne(iota([batch, batch], 1)));
}

/**
 * CLIP's loss (Radford et al. 2021, figure 3): the mean of two cross-entropies over the B x B scaled cosines, each image against
 * all texts and each text against all images, where pair i belongs to i.
 */
export function contrastiveLoss(features: PairedFeatures, { concepts = null }: PairOptions = {}): Tensor {
  const all = pairLogits(features, 'contrastiveLoss');
  const batch = all.shape[0] as number;
  const logits = concepts === null ? all : where(sameConcept('contrastiveLoss', concepts, batch), -Infinity, all);
  const own = iota([batch], 0);
  return crossEntropy(logits, own)
    .add(crossEntropy(logits.transpose(0, 1), own))
    .mul(0.5);
}

/**
 * SigLIP's loss (Zhai et al. 2023, equation 1): every entry of the B x B logits is a binary decision, pair or not,
 *
 *     -1/B sum_i sum_j log sigmoid(z_ij * logits_ij),   z_ij = 1 if i = j, else -1
 */
export function sigLipLoss(features: PairedFeatures, { concepts = null }: PairOptions = {}): Tensor {
  const logits = pairLogits(features, 'sigLipLoss');
  const batch = logits.shape[0] as number;
  const own = iota([batch, batch], 0).eq(iota([batch, batch], 1));
  const losses = logSigmoid(where(own, logits, logits.neg())).neg();
  const counted = concepts === null ? losses : where(sameConcept('sigLipLoss', concepts, batch), 0, losses);
  return counted.sum().div(batch);
}
