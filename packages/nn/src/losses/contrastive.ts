/** Losses between the images and texts of a batch of pairs: CLIP's and SigLIP's. */
import { autocast, einsum, formatShape, iota, type Tensor, where } from '@tessera/tensor';
import { logSigmoid } from '../layers/smooth-activations.ts';
import { Module } from '../module/module.ts';
import { inF32 } from '../precision.ts';
import { sizesOf } from '../sizes.ts';

/** The output of a two-tower model for one batch of pairs. */
export interface PairedFeatures {
  /** [B, E], of length 1 each. */
  readonly imageFeatures: Tensor;
  /** [B * K, E], of length 1 each: K texts for each image, those of one image next to each other. K is 1 in CLIP. */
  readonly textFeatures: Tensor;
  /** The factor on the cosines, a scalar: exp of the trained logit_scale. */
  readonly logitScale: Tensor;
  /** Added to the scaled cosines (SigLIP), a scalar. */
  readonly logitBias?: Tensor | null;
}

/** How an image counts for a text of another pair that shows the same concept. */
export const duplicateRules = ['keep', 'mask', 'share'] as const;

/** `keep`: as a negative, as in CLIP. `mask`: not at all. `share`: as a positive (Yang et al. 2022, "UniCL"). */
export type DuplicateRule = (typeof duplicateRules)[number];

export interface PairOptions {
  /** i32 [B]: the concept that each image shows. Default: every image shows a concept of its own. */
  readonly concepts?: Tensor | null;
  /** How images and texts of the same concept count that are not of one pair. Default: `mask`. */
  readonly duplicates?: DuplicateRule;
}

/** logitScale * imageFeatures textFeatures^T + logitBias: [B, B * K], one row for each image, one column for each text. */
export function pairLogits(
  { imageFeatures, textFeatures, logitScale, logitBias }: PairedFeatures,
  op = 'pairLogits',
): Tensor {
  const [images, texts] = [imageFeatures.shape, textFeatures.shape];
  const [count = 0, width] = images;
  const [captions = 0, textWidth] = texts;
  if (images.length !== 2 || texts.length !== 2 || width !== textWidth || count === 0 || captions % count !== 0)
    throw new RangeError(
      `${op}: image features ${formatShape(images)} and text features ${formatShape(texts)} must be [B, E] and ` +
        '[B * K, E], K texts for each image',
    );
  // Not in half precision: times a scale of 100, cosines in two bytes would have few digits left.
  const cosines = autocast('f32', () => einsum('ie,te->it', inF32(imageFeatures), inF32(textFeatures)));
  const logits = cosines.mul(logitScale);
  return logitBias === undefined || logitBias === null ? logits : logits.add(logitBias);
}

/** How the entries of the logits count: bool [B, B * K] each. */
interface Pairing {
  readonly positive: Tensor;
  /** Entries that count neither as positive nor as negative; null: none. */
  readonly ignored: Tensor | null;
}

function pairing(op: string, logits: Tensor, { concepts = null, duplicates = 'mask' }: PairOptions): Pairing {
  const [images, texts] = sizesOf(logits, 2, op, 'logits [B, B * K]');
  const captions = texts / images;
  // Text t belongs to image floor(t / K).
  const own = iota([images, texts], 0).eq(iota([images, texts], 1).floorDivide(captions));
  if (concepts === null || duplicates === 'keep') return { positive: own, ignored: null };
  if (concepts.ndim !== 1 || concepts.shape[0] !== images || concepts.dtype !== 'i32')
    throw new RangeError(
      `${op}: concepts must be i32 [${images}], got ${concepts.dtype} ${formatShape(concepts.shape)}`,
    );
  const ofTexts = concepts.unsqueeze(1).expand(images, captions).reshape(1, texts);
  const equal = concepts.unsqueeze(1).eq(ofTexts);
  switch (duplicates) {
    case 'mask':
      return { positive: own, ignored: equal.logicalAnd(own.logicalNot()) };
    case 'share':
      return { positive: equal, ignored: null };
    default:
      throw new RangeError(
        `${op}: duplicates must be ${duplicateRules.join(', ')}, got '${duplicates satisfies never}'`,
      );
  }
}

/**
 * The mean over rows of the cross-entropy between softmax(row) and an even distribution over the row's positives:
 * -1/|P_i| sum over p in P_i of log softmax(row i)[p].
 */
function positivesCrossEntropy(logits: Tensor, positive: Tensor): Tensor {
  const likelihood = where(positive, logits.logSoftmax(1), 0).sum(1);
  return likelihood.div(positive.cast(logits.dtype).sum(1)).mean().neg();
}

/**
 * CLIP's loss (Radford et al. 2021, figure 3): the mean of two cross-entropies over the scaled cosines, each image against
 * all texts and each text against all images, where image i belongs to text i. If an image has several positive texts (K of them, or
 * shared duplicates), its target is spread evenly over them (Khosla et al. 2020, equation 2).
 */
export function contrastiveLoss(features: PairedFeatures, options: PairOptions = {}): Tensor {
  const all = pairLogits(features, 'contrastiveLoss');
  const { positive, ignored } = pairing('contrastiveLoss', all, options);
  const logits = ignored === null ? all : where(ignored, -Infinity, all);
  return positivesCrossEntropy(logits, positive)
    .add(positivesCrossEntropy(logits.transpose(0, 1), positive.transpose(0, 1)))
    .mul(0.5);
}

/**
 * SigLIP's loss (Zhai et al. 2023, equation 1): every entry of the logits is a binary decision, pair or not,
 *
 *     -1/T sum_i sum_j log sigmoid(z_ij * logits_ij),   z_ij = 1 for a positive, else -1
 *
 * over T texts: in SigLIP, one for each image. The logarithm of its scale starts at log 10, its bias at -10.
 */
export function sigLipLoss(features: PairedFeatures, options: PairOptions = {}): Tensor {
  const logits = pairLogits(features, 'sigLipLoss');
  const { positive, ignored } = pairing('sigLipLoss', logits, options);
  const losses = logSigmoid(where(positive, logits, logits.neg())).neg();
  const counted = ignored === null ? losses : where(ignored, 0, losses);
  const [, texts] = sizesOf(logits, 2, 'sigLipLoss', 'logits [B, B * K]');
  return counted.sum().div(texts);
}

/** `contrastiveLoss` as a module. Features [B, E] and [B * K, E] of length 1, the factor on the cosines, i32 concepts [B]. */
export class ContrastiveLoss extends Module {
  readonly options: Pick<PairOptions, 'duplicates'>;

  constructor(options: Pick<PairOptions, 'duplicates'> = {}) {
    super();
    this.options = options;
  }

  forward(imageFeatures: Tensor, textFeatures: Tensor, logitScale: Tensor, concepts: Tensor | null = null): Tensor {
    return contrastiveLoss({ imageFeatures, textFeatures, logitScale }, { ...this.options, concepts });
  }
}

/** `sigLipLoss` as a module: as ContrastiveLoss, with the bias that is added to the scaled cosines. */
export class SigLipLoss extends Module {
  readonly options: Pick<PairOptions, 'duplicates'>;

  constructor(options: Pick<PairOptions, 'duplicates'> = {}) {
    super();
    this.options = options;
  }

  forward(
    imageFeatures: Tensor,
    textFeatures: Tensor,
    logitScale: Tensor,
    logitBias: Tensor | null = null,
    concepts: Tensor | null = null,
  ): Tensor {
    return sigLipLoss({ imageFeatures, textFeatures, logitScale, logitBias }, { ...this.options, concepts });
  }
}
