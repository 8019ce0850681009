/** Losses as functions, and distances. */
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, type Given, optionsOf, unsupported } from './call.ts';

/** PyTorch's reduction, also by its deprecated `size_average` and `reduce`. */
export function reductionOf({ size_average, reduce, reduction }: Given): F.Reduction {
  if ((size_average ?? null) === null && (reduce ?? null) === null) return reduction ?? 'mean';
  if (reduce === false) return 'none';
  return size_average === false ? 'sum' : 'mean';
}

const old = 'size_average reduce reduction';

/** A loss of an input and a target, with options of its own. */
const loss = (apply: (input: Tensor, target: Tensor, options: Given) => Tensor, names = '', options = names): Adapter =>
  call(`input target ${names === '' ? '' : `${names} `}${old}`, (p) =>
    apply(p.input, p.target, { reduction: reductionOf(p), ...(options === '' ? {} : optionsOf(p, options)) }),
  );

/** A loss of three tensors. */
const lossOfThree = (
  tensors: string,
  apply: (a: Tensor, b: Tensor, c: Tensor, options: Given) => Tensor,
  options: string,
): Adapter => {
  const [a = '', b = '', c = ''] = tensors.split(' ');
  return call(`${tensors} ${options} ${old}`, (p) =>
    apply(p[a], p[b], p[c], { reduction: reductionOf(p), ...optionsOf(p, options) }),
  );
};

const classLosses: Adapters = {
  'nn.functional.cross_entropy': call(
    'input target weight size_average ignore_index reduce reduction label_smoothing',
    (p) =>
      F.crossEntropy(p.input, p.target, {
        reduction: reductionOf(p),
        ...optionsOf(p, 'weight ignore_index label_smoothing'),
      }),
  ),
  'nn.functional.nll_loss': call('input target weight size_average ignore_index reduce reduction', (p) =>
    F.nllLoss(p.input, p.target, { reduction: reductionOf(p), ...optionsOf(p, 'weight ignore_index') }),
  ),
  'nn.functional.binary_cross_entropy': loss(F.binaryCrossEntropy, 'weight'),
  'nn.functional.binary_cross_entropy_with_logits': call(`input target weight ${old} pos_weight`, (p) =>
    F.binaryCrossEntropyWithLogits(p.input, p.target, {
      reduction: reductionOf(p),
      ...optionsOf(p, 'weight pos_weight'),
    }),
  ),
  'nn.functional.kl_div': call(`input target ${old} log_target`, (p) =>
    F.klDiv(p.input, p.target, { reduction: reductionOf(p), ...optionsOf(p, 'log_target') }),
  ),
  'nn.functional.multi_margin_loss': loss(F.multiMarginLoss, 'p margin weight'),
  'nn.functional.multilabel_soft_margin_loss': loss(F.multilabelSoftMarginLoss, 'weight'),
  'nn.functional.multilabel_margin_loss': loss(F.multilabelMarginLoss),
};

const regressionLosses: Adapters = {
  'nn.functional.mse_loss': loss(F.mseLoss, 'weight'),
  'nn.functional.l1_loss': loss(F.l1Loss, 'weight'),
  'nn.functional.smooth_l1_loss': call(`input target ${old} beta`, (p) =>
    F.smoothL1Loss(p.input, p.target, { reduction: reductionOf(p), ...optionsOf(p, 'beta') }),
  ),
  'nn.functional.huber_loss': call('input target reduction delta weight', (p) =>
    F.huberLoss(p.input, p.target, optionsOf(p, 'reduction delta weight')),
  ),
  'nn.functional.poisson_nll_loss': call('input target log_input full size_average eps reduce reduction', (p) =>
    F.poissonNllLoss(p.input, p.target, { reduction: reductionOf(p), ...optionsOf(p, 'log_input full eps') }),
  ),
  'nn.functional.gaussian_nll_loss': call('input target var full eps reduction', (p) =>
    F.gaussianNllLoss(p.input, p.target, p.var, optionsOf(p, 'full eps reduction')),
  ),
  'nn.functional.soft_margin_loss': loss(F.softMarginLoss),
  'nn.functional.hinge_embedding_loss': loss(F.hingeEmbeddingLoss, 'margin'),
  'nn.functional.margin_ranking_loss': lossOfThree('input1 input2 target', F.marginRankingLoss, 'margin'),
  'nn.functional.cosine_embedding_loss': lossOfThree('input1 input2 target', F.cosineEmbeddingLoss, 'margin'),
  'nn.functional.triplet_margin_loss': lossOfThree(
    'anchor positive negative',
    F.tripletMarginLoss,
    'margin p eps swap',
  ),
  'nn.functional.triplet_margin_with_distance_loss': call(
    'anchor positive negative distance_function margin swap reduction',
    (p) =>
      p.distance_function
        ? unsupported('a distance as a function')
        : F.tripletMarginWithDistanceLoss(p.anchor, p.positive, p.negative, optionsOf(p, 'margin swap reduction')),
  ),
};

/** The axis under our name. */
const axis = ({ dim }: Given): { axis?: number } => ((dim ?? null) === null ? {} : { axis: dim });

const distances: Adapters = {
  'nn.functional.cosine_similarity': call('x1 x2 dim eps', (p) =>
    F.cosineSimilarity(p.x1, p.x2, { ...axis(p), ...optionsOf(p, 'eps') }),
  ),
  'nn.functional.pairwise_distance': call('x1 x2 p eps keepdim', (p) =>
    F.pairwiseDistance(p.x1, p.x2, optionsOf(p, 'p eps keepdim')),
  ),
  'nn.functional.normalize': call('input p dim eps', (p) =>
    F.normalize(p.input, { ...axis(p), ...optionsOf(p, 'p eps') }),
  ),
};

const own: Adapters = {
  'clip-loss': ([imageFeatures, textFeatures, logitScale]) =>
    F.contrastiveLoss({ imageFeatures, textFeatures, logitScale }),
  'siglip-loss': ([imageFeatures, textFeatures, logitScale, logitBias]) =>
    F.sigLipLoss({ imageFeatures, textFeatures, logitScale, logitBias }),
  distill: ([logits, distillation, teacher, labels], options) =>
    F.distillationLoss({ logits, distillation }, labels, teacher, options),
};

export const losses: Adapters = { ...classLosses, ...regressionLosses, ...distances, ...own };
