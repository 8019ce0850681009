import { preprocess, segmentationLoss, ViT, ViTSegmenter } from '@tessera/models';
import { type Tensor, where } from '@tessera/tensor';
import { labelsOf, picturesOf, type TaskOptions, type VisionTask } from './vision-task.ts';

/** A class for each pixel: that of the thing which it belongs to, or background. Things are brighter than 24 of 255. */
export function segmentTask(options: Pick<TaskOptions, 'classes'>): VisionTask {
  const { classes } = options;
  const imageSize = 32;
  const backbone = new ViT({ imageSize, patchSize: 4, width: 64, depth: 4, heads: 4 });
  const model = new ViTSegmenter(backbone, classes + 1, { layers: [1, -1] });
  const truth = (images: Tensor, labels: Tensor): Tensor => {
    const thing = images.cast('f32').max(3).gt(24);
    return where(thing, labels.reshape([-1, 1, 1]).add(1), 0).cast('i32');
  };
  return {
    model,
    imageSize,
    inputs: (batch) => [picturesOf(batch, imageSize), labelsOf(batch, options)],
    loss: (images, labels) => segmentationLoss(model.forward(preprocess(images)), truth(images, labels)),
    measures: (images, labels) => {
      const right = truth(images, labels);
      const things = right.gt(0).cast('f32');
      const hits = model.forward(preprocess(images)).argmax(1).eq(right).cast('f32');
      return {
        'pixels right': hits.mean(),
        "things' pixels right": hits.mul(things).sum().div(things.sum()),
        'share of background': things.neg().add(1).mean(),
      };
    },
  };
}
