import { NaViT, preprocess, unpackFeatures } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { labelsOf, picturesOf, shareRight, type TaskOptions, type VisionTask } from './vision-task.ts';

const imageSize = 32;

/** Heights and widths that the pictures of a batch are given, in turn: from a few patches to many, high and wide ones. */
const sizes: readonly (readonly [height: number, width: number])[] = [
  [16, 16],
  [32, 32],
  [24, 16],
  [16, 30],
  [20, 28],
  [37, 19],
];

/** Classes of pictures of many sizes and ratios, packed into sequences. */
export function nativeTask(options: Pick<TaskOptions, 'classes'>): VisionTask {
  const { classes } = options;
  const model = new NaViT({ patchSize: 4, width: 64, depth: 4, heads: 4, maxGrid: 12, classes });
  const classify = (images: Tensor): Tensor => {
    const pictures = preprocess(images);
    const list = Array.from({ length: images.shape[0] as number }, (_, k) => {
      const size = sizes[k % sizes.length] as readonly [number, number];
      return F.interpolate(pictures.slice(0, k, k + 1), size, { mode: 'bicubic', antialias: true }).squeeze(0);
    });
    const packed = model.pack(list, { maxTokens: 64, sequenceLength: 128 });
    const slots = Math.max(...packed.packing.map((pieces) => pieces.length));
    return unpackFeatures(model.forward(packed, slots), packed);
  };
  return {
    model,
    imageSize,
    inputs: (batch) => [picturesOf(batch, imageSize), labelsOf(batch, options)],
    loss: (images, labels) => F.crossEntropy(classify(images), labels),
    measures: (images, labels) => ({ 'class right': shareRight(classify(images), labels) }),
  };
}
