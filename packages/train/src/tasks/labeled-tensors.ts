/** Batches of labeled images as tensors. */
import type { Batch, ColumnRequest } from '@tessera/data';
import { type Tensor, tensor } from '@tessera/tensor';

/** A batch of labeled images: u8 [B, H, W, 3], i32 [B]; or of mixed ones: f32 [B, C, H, W], f32 [B, classes]. */
export type LabeledTensors = { readonly images: Tensor; readonly labels: Tensor };

/**
 * Labels as a tensor, i32 [N].
 *
 * @param rows the numbers of the rows, for messages
 * @throws where a row has no label, or one that is not a class
 */
export function labelTensor(labels: Int32Array, rows: Int32Array, classes: number): Tensor {
  for (const [k, label] of labels.entries())
    if (label < 0 || label >= classes)
      throw new RangeError(
        `row ${rows[k]} has ${label < 0 ? 'no label' : `label ${label}`}; a label must be one of the ${classes} classes`,
      );
  return tensor(labels);
}

type LabeledBatch = Batch<{ readonly image: ColumnRequest<'image'>; readonly label: ColumnRequest<'class'> }>;

/** The batch's images and labels as tensors. @throws where a row has no label, or one that is not a class */
export const labeledTensors = (
  { columns, indices, size }: LabeledBatch,
  imageSize: number,
  classes: number,
): LabeledTensors => ({
  images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
  labels: labelTensor(columns.label, indices, classes),
});
