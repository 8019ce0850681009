/** The class of each pixel of single images. */
import { preprocess, type ViTSegmenter } from '@tessera/models';
import { rowAt } from '../../evaluation/retrieval/products.ts';
import { predictionEncoder } from '../../predict/encoders.ts';
import type { ClassShare, ImagePlace, ImageView, Predictor } from '../../predict/prediction.ts';

/** The classes that occur in a mask, the most frequent first. */
function sharesOf(mask: Uint8Array, classNames: readonly string[]): ClassShare[] {
  const counts = new Uint32Array(classNames.length);
  for (const label of mask) counts[label] = (counts[label] ?? 0) + 1;
  return classNames
    .map((name, label) => ({ name, label, share: (counts[label] ?? 0) / mask.length }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share);
}

/**
 * The predictor of a segmentation model.
 *
 * @param classNames of the model's outputs
 * @param kind what of an image it sees, as in its evaluation
 */
export function maskPredictor(
  model: ViTSegmenter,
  imageSize: number,
  classNames: readonly string[],
  kind: ImageView['kind'],
): Predictor {
  const [height, width] = [imageSize, imageSize];
  const encoder = predictionEncoder(model, (images) =>
    model.forward(preprocess(images)).argmax(1).cast('f32').flatten(1),
  );
  return {
    asks: [],
    view: kind === 'square' ? { kind, size: imageSize } : { kind, size: [height, width] },
    draws: true,
    async predict(images, _, places) {
      const rows = await encoder.encode(images, [height, width, 3]);
      return places.map((place: ImagePlace, k) => {
        const data = Uint8Array.from(rowAt(rows, k, height * width));
        return { kind: 'mask', mask: { data, height, width, place }, classes: sharesOf(data, classNames) };
      });
    },
    dispose: () => encoder.dispose(),
  };
}
