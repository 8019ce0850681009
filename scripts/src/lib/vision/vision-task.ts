import type { Batch, LoaderOptions, Split } from '@tessera/data';
import type { Module } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';

/** A vision model with what it learns, made from a data set of pictures. */
export interface VisionTask {
  readonly model: Module;
  /** Side of the pictures that are loaded, in pixels. */
  readonly imageSize: number;
  /** What else is asked of the loader. */
  readonly loading?: Pick<LoaderOptions, 'columns' | 'captionChoice'>;
  /** Another task that is trained before this one, for as many steps, and whose model then stays as it is. */
  readonly teacher?: VisionTask;
  /** What a step is given, made of a batch. Shapes are the same for each batch of the same size. */
  inputs(batch: Batch): Tensor[];
  loss(...inputs: Tensor[]): Tensor;
  /** Scalars whose mean over the test batches is reported. */
  measures(...inputs: Tensor[]): Readonly<Record<string, Tensor>>;
}

/** A task as the command line offers it. */
export interface VisionTaskKind {
  /** The data set and the split for testing that it takes where none are named. */
  readonly data: string;
  readonly testSplit: string;
  make(options: TaskOptions): VisionTask;
}

/** What of a split a task may look at before training: the names of classes, and texts to learn words from. */
export type SplitContents = Pick<Split, 'path' | 'name' | 'features' | 'length' | 'row'>;

export interface TaskOptions {
  /** Of the data set's labels. */
  readonly classes: number;
  readonly train: SplitContents;
}

/** A number in [0, 1) for each k, evenly spread and without order: multiples of the golden ratio. */
export const spread = (k: number): number => (k * 0.6180339887498949) % 1;

/** Where a picture stands in a larger scene, by the picture's number in the data set: somewhere else for each. */
export const placeOf = (
  index: number,
  room: readonly [height: number, width: number],
): readonly [top: number, left: number] => [
  Math.floor(spread(7 * index + 3) * (room[0] + 1)),
  Math.floor(spread(index + 1) * (room[1] + 1)),
];

/** Each picture of a batch, of side `side`, on a black ground of its own, at `placeOf`: u8 [N, height, width, 3]. */
export function placeInScenes({ images, indices, size }: Batch, side: number, height: number, width: number): Tensor {
  const pixels = new Uint8Array(size * height * width * 3);
  const row = side * 3;
  for (let n = 0; n < size; n++) {
    const [top, left] = placeOf(indices[n] as number, [height - side, width - side]);
    for (let y = 0; y < side; y++) {
      const source = (n * side + y) * row;
      pixels.set(images.subarray(source, source + row), ((n * height + top + y) * width + left) * 3);
    }
  }
  return tensor(pixels, { shape: [size, height, width, 3] });
}

/** The batch's pictures, u8 [N, S, S, 3]. */
export const picturesOf = ({ images, size }: Batch, imageSize: number): Tensor =>
  tensor(images, { shape: [size, imageSize, imageSize, 3] });

/** The share of rows whose largest logit, of [N, C], is the label's, of [N]. */
export const shareRight = (logits: Tensor, labels: Tensor): Tensor => logits.argmax(1).eq(labels).cast('f32').mean();

/** The batch's labels, i32 [size]. @throws where a row has none, or one beyond the classes */
export function labelsOf({ labels, indices }: Batch, { classes }: Pick<TaskOptions, 'classes'>): Tensor {
  const wrong = labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0)
    throw new RangeError(
      `row ${indices[wrong]} has ${(labels[wrong] as number) < 0 ? 'no label' : `label ${labels[wrong]}`}, where one of ${classes} classes is needed`,
    );
  return tensor(labels);
}
