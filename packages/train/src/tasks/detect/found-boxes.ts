/** What a detector finds in images. */
import { preprocess, type ViTDetector } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { FoundBoxes } from '../../evaluation/detection/evaluate.ts';

/**
 * A box for each patch, with its most probable class other than "nothing", and the probability of that class, as DETR's.
 *
 * @param images u8 [N, H, W, 3]
 */
export function foundBoxes(model: ViTDetector, images: Tensor): FoundBoxes {
  const { boxes, logits } = model.forward(preprocess(images));
  const objects = logits.softmax(2).slice(2, 0, model.head.classes);
  return { boxes, scores: objects.max(2), labels: objects.argmax(2) };
}
