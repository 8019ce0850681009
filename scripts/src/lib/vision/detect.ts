import type { Batch } from '@tessera/data';
import { detectionLoss, preprocess, ViT, ViTDetector } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { iota, type Tensor, tensor } from '@tessera/tensor';
import { labelsOf, placeInScenes, placeOf, type TaskOptions, type VisionTask } from './vision-task.ts';

const pictureSize = 24;
const sceneSize = 48;

const room = [sceneSize - pictureSize, sceneSize - pictureSize] as const;

/** Where the pictures stand in their scenes: [N, 1, 4], centre and size as shares of the scene. */
function boxesOf({ indices, size }: Batch): Tensor {
  const side = pictureSize / sceneSize;
  const boxes = Array.from(indices, (index) => {
    const [top, left] = placeOf(index, room);
    return [left / sceneSize + side / 2, top / sceneSize + side / 2, side, side];
  });
  return tensor(Float32Array.from(boxes.flat()), { shape: [size, 1, 4] });
}

/** Find a picture in a larger scene: a box and a class for each patch. */
export function detectTask(options: Pick<TaskOptions, 'classes'>): VisionTask {
  const { classes } = options;
  const backbone = new ViT({ imageSize: sceneSize, patchSize: 6, width: 64, depth: 4, heads: 4 });
  const model = new ViTDetector(backbone, classes);
  return {
    model,
    imageSize: pictureSize,
    inputs: (batch) => {
      const pixels = placeInScenes(batch, pictureSize, sceneSize, sceneSize);
      return [pixels, boxesOf(batch), labelsOf(batch, options).reshape(batch.size, 1)];
    },
    loss: (images, boxes, labels) => detectionLoss(model.forward(preprocess(images)), { boxes, labels }),
    measures: (images, boxes, labels) => {
      const found = model.forward(preprocess(images));
      const [count, patches] = found.logits.shape as [number, number];
      // The answer is that of the patch that is surest to see something.
      const things = found.logits.softmax(2).slice(2, 0, classes);
      const surest = iota([count, patches], 1).eq(things.max(2).argmax(1, true)).cast('f32').unsqueeze(2);
      const box = found.boxes.mul(surest).sum(1);
      const label = things.mul(surest).sum(1).argmax(1);
      const overlap = F.generalizedIoU(F.boxCorners(box), F.boxCorners(boxes.select(1, 0)));
      const right = label.eq(labels.select(1, 0));
      return {
        'class right': right.cast('f32').mean(),
        'box overlap (GIoU)': overlap.mean(),
        'class right and GIoU > 0.5': right.logicalAnd(overlap.gt(0.5)).cast('f32').mean(),
      };
    },
  };
}
