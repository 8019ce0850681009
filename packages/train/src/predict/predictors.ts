/** Predictors of models that turn images into logits of classes. */
import { preprocess } from '@tessera/models';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { valuesInBatches } from './in-batches.ts';
import type { Prediction, Predictor } from './prediction.ts';
import { classPredictions } from './probabilities.ts';

/** A model whose forward pass maps images [N, 3, S, S], normalized, to logits [N, classes]. */
interface Classifier extends Module {
  forward(images: Tensor): Tensor;
}

/**
 * The predictor of a classifier.
 *
 * @param names of the classes, in the order of the logits
 * @param toPredictions logits, row-major [N, classes], to predictions. Default: one of the classes for each image
 */
export const classifierPredictor = (
  model: Classifier,
  imageSize: number,
  names: readonly string[],
  toPredictions: (logits: Float32Array, names: readonly string[]) => Prediction[] = classPredictions,
): Predictor => ({
  asks: [],
  predict: async (images) =>
    toPredictions(
      await valuesInBatches(model, images, [imageSize, imageSize, 3], (batch) => model.forward(preprocess(batch))),
      names,
    ),
});
