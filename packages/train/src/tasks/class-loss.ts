/** The loss and the accuracy of class logits: shared by the tasks whose images have one class each. */
import { crossEntropy } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { mixImages, mixTargets, smoothedOneHot } from '../mixup/mix.ts';
import type { BatchMixing } from '../mixup/mixed-source.ts';
import { isMixing, type MixupSettings } from '../mixup/settings.ts';
import type { LabeledTensors } from './labeled-tensors.ts';
import { modelInput } from './model-input.ts';

export interface ClassLossOptions {
  /** Share of the target that is spread evenly over all classes. Default 0. */
  readonly labelSmoothing?: number;
  /** [classes]: the factor on the loss of each class; null: 1. Default: null. */
  readonly classWeights?: Tensor | null;
}

/** Whether these are the targets of mixed images, f32 [B, classes], which are smoothed already; otherwise they are labels, i32 [B]. */
export const areMixed = (labels: Tensor): boolean => labels.ndim === 2;

/** `crossEntropy` of logits [B, classes] with labels i32 [B], or with the targets of mixed images, f32 [B, classes]. */
export const classLoss = (
  logits: Tensor,
  labels: Tensor,
  { labelSmoothing = 0, classWeights = null }: ClassLossOptions = {},
): Tensor =>
  areMixed(labels)
    ? crossEntropy(logits, labels, { weight: classWeights })
    : crossEntropy(logits, labels, { labelSmoothing, weight: classWeights, ignoreIndex: null });

/** The share of images whose largest logit is that of their class; of a mixed image, the class with the largest share counts. */
export const classAccuracy = (logits: Tensor, labels: Tensor): Tensor =>
  logits
    .argmax(1)
    .eq(areMixed(labels) ? labels.argmax(1) : labels)
    .cast('f32')
    .mean();

/** How batches of labeled images are mixed; null: they are not. */
export function labelMixing(
  settings: MixupSettings,
  classes: number,
  labelSmoothing: number,
): BatchMixing<LabeledTensors> | null {
  if (!isMixing(settings)) return null;
  return {
    options: settings,
    offEpoch: settings.offEpoch,
    mix: ({ images, labels }, mixup) => ({
      images: mixImages(modelInput(images), mixup),
      labels: mixTargets(smoothedOneHot(labels, classes, labelSmoothing), mixup),
    }),
  };
}
