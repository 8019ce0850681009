/** How a segmentation model is measured and shown. */
import { type Batch, type ColumnRequests, ignoredClass } from '@tessera/data';
import { preprocess, type ViTSegmenter } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import type { Example } from '../../evaluation/measures/examples.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { percentText } from '../../evaluation/result.ts';
import { classPicture, enlarge, sideBySide } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import type { MaskedTensors } from './objective.ts';

/** The measurement of a segmentation model, whatever its masks come from. */
export function segmentation<Requests extends ColumnRequests, Tensors extends MaskedTensors>(
  model: ViTSegmenter,
  classNames: readonly string[],
  {
    note,
    ...parts
  }: {
    readonly note: string;
    toTensors(batch: Batch<Requests>): Tensors;
    /** Lines below a picture before the share of correct pixels. */
    linesOf(batch: Batch<Requests>, row: number, truth: ArrayLike<number>): readonly string[];
  },
): Measurement<Requests, Tensors, 'objectAccuracy' | 'accuracy' | 'background'> {
  const predict = ({ images }: Tensors): Tensor => model.forward(preprocess(images)).argmax(1);
  return {
    model,
    looks: {
      objectAccuracy: { label: 'object pixels correct', format: 'percent' },
      accuracy: { label: 'pixels correct', format: 'percent' },
      background: { label: 'share of background', format: 'percent' },
    },
    toTensors: parts.toTensors,
    measure(tensors) {
      const truth = tensors.masks.flatten(1);
      const counted = truth.ne(ignoredClass).cast('f32');
      const objects = truth.gt(0).cast('f32').mul(counted);
      const hits = predict(tensors).flatten(1).eq(truth).cast('f32');
      const of = counted.sum(1);
      return {
        objectAccuracy: { sum: hits.mul(objects).sum(1), of: objects.sum(1) },
        accuracy: { sum: hits.sum(1), of },
        background: { sum: of.sub(objects.sum(1)), of },
      };
    },
    classes: {
      names: classNames,
      counted: 'pixels',
      overlap: true,
      decide: (tensors) => ({
        truth: tensors.masks,
        prediction: predict(tensors),
        counted: tensors.masks.ne(ignoredClass),
      }),
    },
    note,
    async examples(batch, tensors, rows) {
      const chosen = selectRows(tensors, rows);
      const [pictures, truths, predictions] = await Promise.all([
        picturesOf(chosen.images),
        chosen.masks.data(),
        predict(chosen).data(),
      ]);
      return rows.flatMap((row, k): Example[] => {
        const picture = pictures[k];
        if (picture === undefined) return [];
        const { height, width } = picture;
        const pixels = height * width;
        const [truth, prediction] = [truths, predictions].map((list) =>
          Array.from(list.slice(k * pixels, (k + 1) * pixels)),
        ) as [number[], number[]];
        const masks = [truth, prediction].map((classes) => classPicture(classes, height, width, ignoredClass));
        return [
          {
            ...sideBySide([picture, ...masks].map((one) => enlarge(one, width < 100 ? 2 : 1))),
            lines: [
              ...parts.linesOf(batch, row, truth),
              `${percentText(shareEqual(truth, prediction))} of the pixels correct`,
            ],
            right: null,
          },
        ];
      });
    },
  };
}

/** The share of places at which two lists are equal, of those that count. */
function shareEqual(truth: readonly number[], prediction: readonly number[]): number {
  const counted = truth.filter((value) => value !== ignoredClass).length;
  return truth.filter((value, k) => value === prediction[k]).length / Math.max(1, counted);
}
