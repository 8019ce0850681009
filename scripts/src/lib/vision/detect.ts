import { detectionLoss, preprocess, ViT, ViTDetector } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { iota, type Tensor, tensor } from '@tessera/tensor';
import type { Batch } from '@tessera/train';
import { labelsOf, spread, type TaskOptions, type VisionTask } from './vision-task.ts';

const pictureSize = 24;
const sceneSize = 48;

/** Where the picture in row k of a batch stands in its scene: by its number in the data set, so that it is somewhere else for each. */
const placeOf = (index: number): readonly [left: number, top: number] => {
  const room = sceneSize - pictureSize + 1;
  return [Math.floor(spread(index + 1) * room), Math.floor(spread(7 * index + 3) * room)];
};

/** Pictures on a black ground, each somewhere: u8 [N, S, S, 3] and boxes [N, 1, 4]. */
function scenes({ images, indices, size }: Batch): { pixels: Tensor; boxes: Tensor } {
  const pixels = new Uint8Array(size * sceneSize * sceneSize * 3);
  const boxes = new Float32Array(size * 4);
  const row = pictureSize * 3;
  for (let n = 0; n < size; n++) {
    const [left, top] = placeOf(indices[n] as number);
    for (let y = 0; y < pictureSize; y++) {
      const source = (n * pictureSize + y) * row;
      pixels.set(images.subarray(source, source + row), ((n * sceneSize + top + y) * sceneSize + left) * 3);
    }
    const side = pictureSize / sceneSize;
    boxes.set([left / sceneSize + side / 2, top / sceneSize + side / 2, side, side], n * 4);
  }
  return {
    pixels: tensor(pixels, { shape: [size, sceneSize, sceneSize, 3] }),
    boxes: tensor(boxes, { shape: [size, 1, 4] }),
  };
}

/** Find a picture in a larger scene: a box and a class for each patch. */
export function detectTask(options: TaskOptions): VisionTask {
  const { classes } = options;
  const backbone = new ViT({ imageSize: sceneSize, patchSize: 6, width: 64, depth: 4, heads: 4 });
  const model = new ViTDetector(backbone, classes);
  return {
    model,
    imageSize: pictureSize,
    inputs: (batch) => {
      const { pixels, boxes } = scenes(batch);
      return [pixels, boxes, labelsOf(batch, options).reshape(batch.size, 1)];
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
