/** The task `segment`: the class of each pixel, by a Vision Transformer with a segmentation head (Strudel et al. 2021). */
import { preprocess, ViT, ViTSegmenter } from '@tessera/models';
import type { LabelColumns } from '../../evaluation/classification/evaluate.ts';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import type { Example } from '../../evaluation/measures/examples.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { percentText } from '../../evaluation/result.ts';
import { classPicture, enlarge, sideBySide } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { labeledModel, labeledTaskModel } from '../labeled-images.ts';
import { type LabeledTensors, labeledTensors } from '../labeled-tensors.ts';
import { type AnyTaskModel, defineTask } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { SegmentObjective, trueClasses } from './objective.ts';
import { type SegmentConfig, segmentSettings } from './settings.ts';

function measurementOf(
  model: ViTSegmenter,
  { model: { imageSize }, data: { background } }: SegmentConfig,
  classNames: readonly string[],
): Measurement<LabelColumns, LabeledTensors, 'objectAccuracy' | 'accuracy' | 'background'> {
  return {
    model,
    looks: {
      objectAccuracy: { label: 'object pixels correct', format: 'percent' },
      accuracy: { label: 'pixels correct', format: 'percent' },
      background: { label: 'share of background', format: 'percent' },
    },
    toTensors: (batch) => labeledTensors(batch, imageSize, classNames.length),
    measure(tensors) {
      const truth = trueClasses(tensors, background).flatten(1);
      const objects = truth.gt(0).cast('f32');
      const hits = model.forward(preprocess(tensors.images)).argmax(1).flatten(1).eq(truth).cast('f32');
      return {
        objectAccuracy: { sum: hits.mul(objects).sum(1), of: objects.sum(1) },
        accuracy: hits.mean(1),
        background: objects.neg().add(1).mean(1),
      };
    },
    classes: {
      names: ['background', ...classNames],
      counted: 'pixels',
      overlap: true,
      decide: (tensors) => ({
        truth: trueClasses(tensors, background),
        prediction: model.forward(preprocess(tensors.images)).argmax(1),
      }),
    },
    note: 'The image, the true class of each pixel, and the predicted class. Background is black.',
    async examples({ columns: { label } }, tensors, rows) {
      const chosen = selectRows(tensors, rows);
      const [pictures, truths, predictions] = await Promise.all([
        picturesOf(chosen.images),
        trueClasses(chosen, background).data(),
        model.forward(preprocess(chosen.images)).argmax(1).data(),
      ]);
      const pixels = imageSize ** 2;
      return rows.flatMap((row, k): Example[] => {
        const [truth, prediction] = [truths, predictions].map((list) => list.slice(k * pixels, (k + 1) * pixels));
        const picture = pictures[k];
        if (picture === undefined || truth === undefined || prediction === undefined) return [];
        const masks = [truth, prediction].map((classes) => classPicture(classes, imageSize, imageSize));
        const name = classNames[label[row] ?? -1];
        return [
          {
            ...sideBySide([picture, ...masks].map((one) => enlarge(one, 2))),
            lines: [`${name}`, `${percentText(shareEqual(truth, prediction))} of the pixels correct`],
            right: null,
          },
        ];
      });
    },
  };
}

/** The share of places at which two lists are equal. */
const shareEqual = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).filter((value, k) => value === b[k]).length / a.length;

function subjectOf(model: ViTSegmenter, config: SegmentConfig, classNames: readonly string[]): AnyTaskModel {
  const { imageSize, patchSize, width, layers } = config.model;
  return labeledTaskModel(config, classNames, measurementOf(model, config, classNames), {
    objective: new SegmentObjective(model, config.data.background),
    imageSize,
    facts: {
      Model: `plain ViT with a segmentation head: ${layers} blocks of width ${width}`,
      'Image size': imageSize,
      'Patch size': patchSize,
      Parameters: model.parameterCount(),
      Classes: `${classNames.length} and background`,
    },
  });
}

export const segment = defineTask<SegmentConfig>({
  ...segmentSettings,
  title: 'Segmentation',
  description: 'a class for each pixel of labeled images on a dark background',
  mainMeasure: { name: 'objectAccuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  ...labeledModel<SegmentConfig, ViTSegmenter>({
    build: ({ model: { features, ...sizes } }, classes) =>
      new ViTSegmenter(new ViT(vitOptions(sizes)), classes + 1, { layers: features }),
    subject: subjectOf,
  }),
});
