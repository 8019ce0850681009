/** The objects in single images: the boxes that a detector is sure of, each object once. */
import type { ViTDetector } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { concat } from '@tessera/tensor';
import { rowAt } from '../../evaluation/retrieval/products.ts';
import { predictionEncoder } from '../../predict/encoders.ts';
import type { FoundObject, ImagePlace, Predictor } from '../../predict/prediction.ts';
import { foundBoxes } from './found-boxes.ts';

/** Numbers of a patch in a row of the encoder: its box's edges, its score and its class. */
const perPatch = 6;

interface Thresholds {
  readonly score: number;
  readonly iou: number;
}

/** @param row of an image, [patches, 6] */
function objectsIn(
  row: Float32Array,
  classNames: readonly string[],
  { width, height, box }: ImagePlace,
  thresholds: Thresholds,
): FoundObject[] {
  const patches = Array.from({ length: row.length / perPatch }, (_, k) => rowAt(row, k, perPatch));
  const sure = patches.filter(([, , , , score = 0]) => score >= thresholds.score);
  const [boxes, scores, labels] = [
    sure.flatMap((patch) => [...patch.subarray(0, 4)]),
    sure.map((patch) => patch[4] as number),
    sure.map((patch) => patch[5] as number),
  ];
  const across = (share: number): number => Math.min(width, Math.max(0, box.left + share * box.width));
  const down = (share: number): number => Math.min(height, Math.max(0, box.top + share * box.height));
  return F.batchedNms(boxes, scores, labels, thresholds.iou).map((k) => {
    const [left = 0, top = 0, right = 0, bottom = 0] = boxes.slice(4 * k, 4 * k + 4);
    const label = labels[k] as number;
    return {
      name: classNames[label] ?? String(label),
      label,
      probability: scores[k] as number,
      box: [across(left), down(top), across(right), down(bottom)],
    };
  });
}

/** @throws where a threshold is not from 0 to 1 */
function checked(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1, got ${value}`);
  return value;
}

/** The predictor of a detector. It sees the whole image. */
export function objectPredictor(model: ViTDetector, imageSize: number, classNames: readonly string[]): Predictor {
  const encoder = predictionEncoder(model, (images) => {
    const { boxes, scores, labels } = foundBoxes(model, images);
    return concat([F.boxCorners(boxes), scores.unsqueeze(2), labels.cast('f32').unsqueeze(2)], 2).flatten(1);
  });
  return {
    asks: ['scoreThreshold', 'iouThreshold'],
    view: { kind: 'whole', size: [imageSize, imageSize] },
    draws: true,
    async predict(images, { scoreThreshold = 0.3, iouThreshold = 0.5 }, places) {
      const thresholds = {
        score: checked('scoreThreshold', scoreThreshold),
        iou: checked('iouThreshold', iouThreshold),
      };
      const rows = await encoder.encode(images, [imageSize, imageSize, 3]);
      const length = rows.length / Math.max(1, places.length);
      return places.map((place, k) => ({
        kind: 'objects',
        objects: objectsIn(rowAt(rows, k, length), classNames, place, thresholds),
        threshold: thresholds.score,
      }));
    },
    dispose: () => encoder.dispose(),
  };
}
