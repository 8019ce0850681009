/** Losses as functions. */
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapters, call, unsupported } from './call.ts';

interface CrossEntropy {
  readonly input: Tensor;
  readonly target: Tensor;
  readonly weight?: Tensor | null;
  readonly ignore_index?: number;
  readonly reduction?: F.Reduction;
  readonly label_smoothing?: number;
}

export const losses: Adapters = {
  'nn.functional.cross_entropy': call<CrossEntropy>(
    'input target weight size_average ignore_index reduce reduction label_smoothing',
    ({ input, target, weight, ignore_index = -100, reduction = 'mean', label_smoothing: labelSmoothing = 0 }) => {
      if (weight) unsupported('class weights');
      if (target.dtype !== 'i32') unsupported('class probabilities as target');
      if (input.ndim !== 2) unsupported(`${input.ndim}-d logits`);
      if (ignore_index !== -100) unsupported('ignore_index');
      return F.crossEntropy(input, target, { reduction, labelSmoothing });
    },
  ),
  'clip-loss': ([imageFeatures, textFeatures, logitScale]) =>
    F.contrastiveLoss({ imageFeatures, textFeatures, logitScale }),
  'siglip-loss': ([imageFeatures, textFeatures, logitScale, logitBias]) =>
    F.sigLipLoss({ imageFeatures, textFeatures, logitScale, logitBias }),
  distill: ([logits, distillation, teacher, labels], options) =>
    F.distillationLoss({ logits, distillation }, labels, teacher, options),
};
