/** Predictors of models that turn images into logits of classes. */
import { preprocess } from '@tessera/models';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { predictionEncoder } from './encoders.ts';
import type { ImageView, Prediction, Predictor } from './prediction.ts';
import { classPredictions } from './probabilities.ts';

/** The height and width of a view, and the channels of its pixels. */
const viewShape = (view: ImageView): readonly [height: number, width: number, channels: 3] =>
  view.kind === 'square' ? [view.size, view.size, 3] : [...view.size, 3];

/** How the predictor of a classifier differs from that of an image classifier with one class for each image. */
interface ClassifierOptions {
  readonly view: ImageView;
  /** Images u8 [N, H, W, 3] to logits [N, classes]. */
  forward(images: Tensor): Tensor;
  /** Logits, row-major [N, classes], to predictions. Default: one of the classes for each image. */
  readonly toPredictions?: (logits: Float32Array, names: readonly string[]) => Prediction[];
}

/** The predictor of a model with logits of classes. @param names of the classes, in the order of the logits */
export function logitsPredictor(
  model: Module,
  names: readonly string[],
  { view, forward, toPredictions = classPredictions }: ClassifierOptions,
): Predictor {
  const encoder = predictionEncoder(model, forward);
  return {
    asks: [],
    view,
    predict: async (images) => toPredictions(await encoder.encode(images, viewShape(view)), names),
    dispose: () => encoder.dispose(),
  };
}

/** A model whose forward pass maps images [N, 3, S, S], normalized, to logits [N, classes]. */
interface Classifier extends Module {
  forward(images: Tensor): Tensor;
}

/** The predictor of a classifier of square images. */
export const classifierPredictor = (
  model: Classifier,
  imageSize: number,
  names: readonly string[],
  toPredictions?: ClassifierOptions['toPredictions'],
): Predictor =>
  logitsPredictor(model, names, {
    view: { kind: 'square', size: imageSize },
    forward: (images) => model.forward(preprocess(images)),
    ...(toPredictions !== undefined && { toPredictions }),
  });
