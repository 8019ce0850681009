import type { Module } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import type { Batch } from '@tessera/train';

/** A vision model with what it learns, made from a data set of labelled pictures. */
export interface VisionTask {
  readonly model: Module;
  /** Side of the pictures that are loaded, in pixels. */
  readonly imageSize: number;
  /** What a step is given, made of a batch. Shapes are the same for each batch of the same size. */
  inputs(batch: Batch): Tensor[];
  loss(...inputs: Tensor[]): Tensor;
  /** Scalars whose mean over the test batches is reported. */
  measures(...inputs: Tensor[]): Readonly<Record<string, Tensor>>;
}

export interface TaskOptions {
  /** Of the data set's labels. */
  readonly classes: number;
}

/** A number in [0, 1) for each k, evenly spread and without order: multiples of the golden ratio. */
export const spread = (k: number): number => (k * 0.6180339887498949) % 1;

/** The batch's labels, i32 [size]. @throws where a row has none, or one beyond the classes */
export function labelsOf({ labels, indices }: Batch, { classes }: TaskOptions): Tensor {
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new RangeError(
      `row ${indices[wrong]} has ${(labels[wrong] as number) < 0 ? 'no label' : `label ${labels[wrong]}`}, where one of ${classes} classes is needed`,
    );
  return tensor(labels);
}
