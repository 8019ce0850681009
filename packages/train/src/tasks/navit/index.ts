/** The task `navit`: classes of images of many sizes and ratios, packed into sequences (NaViT; Dehghani et al. 2023). */
import { NaViT } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { LabelColumns } from '../../evaluation/classification/evaluate.ts';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { logitsPredictor } from '../../predict/predictors.ts';
import { enlarge, gray, type Picture, paste, plainPicture } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { labelMixing } from '../class-loss.ts';
import { classWeightsOf } from '../class-weights.ts';
import { answerExamples, labeledModel, labeledTaskModel } from '../labeled-images.ts';
import { type LabeledTensors, labeledTensors } from '../labeled-tensors.ts';
import { type AnyTaskModel, defineTask } from '../task.ts';
import { classifyPacked, NaViTObjective, resized, type Size, sizesAt } from './objective.ts';
import { type NaViTConfig, navitSettings } from './settings.ts';

function measurementOf(
  objective: NaViTObjective,
  { data: { imageSize, sizes }, model: packing }: NaViTConfig,
  classNames: readonly string[],
): Measurement<LabelColumns, LabeledTensors, 'accuracy'> {
  const { model } = objective;
  const height = Math.max(...sizes.map((size) => size[0]));
  const width = Math.max(...sizes.map((size) => size[1]));
  const onCanvas = (picture: Picture): Picture => {
    const canvas = plainPicture(height, width, gray);
    paste(canvas, picture, 0, 0);
    return canvas;
  };
  return {
    model,
    looks: { accuracy: { label: 'accuracy', format: 'percent' } },
    toTensors: (batch) => labeledTensors(batch, imageSize, classNames.length),
    measure: ({ images, labels }) => ({ accuracy: objective.classify(images).argmax(1).eq(labels) }),
    classes: {
      names: classNames,
      decide: ({ images, labels }) => ({ truth: labels, prediction: objective.classify(images).argmax(1) }),
    },
    note: 'Images in the sizes that the model received, with the predicted class, and the true class where it is another.',
    async examples({ columns: { label } }, tensors, rows) {
      const { images } = selectRows(tensors, rows);
      const own = sizesAt(sizes, rows);
      const predictions = await classifyPacked(model, images, own, packing).argmax(1).data();
      const channelsFirst = images.cast('f32').permute(0, 3, 1, 2);
      const pictures = await Promise.all(
        own.map((size, k) => {
          const picture = resized(channelsFirst.slice(0, k, k + 1), size);
          return picturesOf(picture.add(0.5).floor().clamp(0, 255).permute(0, 2, 3, 1).cast('u8'));
        }),
      );
      return answerExamples(
        pictures.flat().map((picture, k) => ({
          picture: enlarge(onCanvas(picture), 3),
          truth: label[rows[k] ?? 0] ?? -1,
          prediction: predictions[k] ?? -1,
          lines: [`${picture.height} x ${picture.width} pixels`],
        })),
        classNames,
      );
    },
  };
}

/** The size with the most pixels. */
const largestOf = (sizes: readonly Size[]): Size =>
  sizes.reduce((largest, size) => (size[0] * size[1] > largest[0] * largest[1] ? size : largest));

function subjectOf(
  model: NaViT,
  config: NaViTConfig,
  classNames: readonly string[],
  classWeights: Tensor | null,
): AnyTaskModel {
  const { labelSmoothing } = config.loss;
  const { imageSize, sizes } = config.data;
  const { width, layers, patchSize, sequenceLength } = config.model;
  const objective = new NaViTObjective(model, sizes, config.model, { labelSmoothing, classWeights });
  return labeledTaskModel(config, classNames, measurementOf(objective, config, classNames), {
    objective,
    mixing: labelMixing(config.mixup, classNames.length, labelSmoothing),
    imageSize,
    predictor: logitsPredictor(model, classNames, {
      view: { kind: 'square', size: imageSize },
      // Each image in the largest size: it shows the most.
      forward: (images) =>
        classifyPacked(model, images, new Array<Size>(images.shape[0] ?? 0).fill(largestOf(sizes)), config.model),
    }),
    facts: {
      Model: `NaViT: ${layers} blocks of width ${width}, sequences of ${sequenceLength} tokens`,
      'Image sizes': sizes.map((size) => size.join(' x ')).join(', '),
      'Patch size': patchSize,
      Parameters: model.parameterCount(),
      Classes: classNames.length,
    },
  });
}

export const navit = defineTask<NaViTConfig>({
  ...navitSettings,
  title: 'NaViT',
  description: 'a classifier of images of many sizes, packed into sequences (NaViT)',
  mainMeasure: { name: 'accuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  ...labeledModel<NaViTConfig, NaViT>({
    build: ({ model: { patchSize, width, layers: depth, heads, maxGrid, positions, pool } }, classes) =>
      new NaViT({ patchSize, width, depth, heads, maxGrid, positions, pool, classes }),
    classWeights: ({ loss }, classes) => classWeightsOf(loss, classes),
    subject: subjectOf,
  }),
});
