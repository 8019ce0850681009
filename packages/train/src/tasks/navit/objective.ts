/** The loss of a classifier of images of many sizes. */
import { type NaViT, unpackFeatures } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { Objective, ObjectiveLoss } from '../../loop/objective.ts';
import { type ClassLossOptions, classAccuracy, classLoss } from '../class-loss.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';
import { modelInput } from '../model-input.ts';

/** Height and width in pixels. */
export type Size = readonly [height: number, width: number];

/** How images are given to the model. */
export interface PackingSettings {
  readonly maxTokens: number;
  readonly sequenceLength: number;
}

/** The sizes of the images at some places of a batch: all sizes in turn. */
export const sizesAt = (sizes: readonly Size[], places: readonly number[]): Size[] =>
  places.flatMap((place) => sizes.slice(place % sizes.length, (place % sizes.length) + 1));

/** An image [1, C, H, W] in another size. */
export const resized = (image: Tensor, size: Size): Tensor =>
  F.interpolate(image, size, { mode: 'bicubic', antialias: true });

/**
 * Classifies images, each resized to its own size.
 *
 * @param images u8 [B, H, W, 3], or mixed and preprocessed, f32 [B, C, H, W]
 * @param sizes of the images, one each
 * @returns logits [B, classes]
 */
export function classifyPacked(
  model: NaViT,
  images: Tensor,
  sizes: readonly Size[],
  { maxTokens, sequenceLength }: PackingSettings,
): Tensor {
  const pictures = modelInput(images);
  const list = sizes.map((size, k) => resized(pictures.slice(0, k, k + 1), size).squeeze(0));
  const packed = model.pack(list, { maxTokens, sequenceLength });
  const slots = Math.max(...packed.packing.map((pieces) => pieces.length));
  return unpackFeatures(model.forward(packed, slots), packed);
}

/**
 * Trains a classifier of images of many sizes. The size of an image follows from its place in the batch, because shapes are fixed in a
 * compiled step. So a part of a batch is not computed as it is within the whole: the loss is not separable.
 */
export class NaViTObjective implements Objective<LabeledTensors> {
  readonly model: NaViT;
  readonly #sizes: readonly Size[];
  readonly #packing: PackingSettings;
  readonly #loss: ClassLossOptions;

  constructor(model: NaViT, sizes: readonly Size[], packing: PackingSettings, loss: ClassLossOptions = {}) {
    this.model = model;
    this.#sizes = sizes;
    this.#packing = packing;
    this.#loss = loss;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** Logits [B, classes] of images, as `classifyPacked` takes them, in training or evaluation mode. */
  classify(images: Tensor): Tensor {
    const [count = 0] = images.shape;
    const sizes = sizesAt(this.#sizes, [...Array(count).keys()]);
    return classifyPacked(this.model, images, sizes, this.#packing);
  }

  loss({ images, labels }: LabeledTensors): ObjectiveLoss {
    const logits = this.classify(images);
    return { loss: classLoss(logits, labels, this.#loss), measures: { accuracy: classAccuracy(logits, labels) } };
  }
}
