/**
 * The task `segment`: the class of each pixel, by a Vision Transformer with a segmentation head (Strudel et al. 2021), from the masks of a
 * data set, or from labeled images on a dark background.
 */
import { type ColumnRequest, classNamesIn, usualColumns } from '@tessera/data';
import { ViT, ViTSegmenter } from '@tessera/models';
import { init } from '@tessera/nn';
import { type LabelColumns, labelColumns } from '../../evaluation/classification/evaluate.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { labeledTaskModel, learnedClasses, trainingClasses } from '../labeled-images.ts';
import { labeledTensors } from '../labeled-tensors.ts';
import { sceneColumn, storedTargets, type Targets } from '../targets.ts';
import { type AnyTaskModel, defineTask, fromScratch } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { maskClasses, maskSegmenter } from './masks.ts';
import { segmentation } from './measurement.ts';
import { type MaskedTensors, SegmentObjective, trueClasses } from './objective.ts';
import { maskPredictor } from './predictor.ts';
import { type SegmentConfig, segmentSettings } from './settings.ts';

const factsOf = (model: ViTSegmenter, { model: { imageSize, patchSize, width, layers } }: SegmentConfig) => ({
  Model: `plain ViT with a segmentation head: ${layers} blocks of width ${width}`,
  'Image size': imageSize,
  'Patch size': patchSize,
  Parameters: model.parameterCount(),
});

/** A model of labeled images, whose masks follow from the brightness of the pixels. */
function labelSegmenter(model: ViTSegmenter, config: SegmentConfig, classNames: readonly string[]): AnyTaskModel {
  const { model: sizes, data } = config;
  const pixelClasses = ['background', ...classNames];
  const measurement = segmentation<LabelColumns, MaskedTensors>(model, pixelClasses, {
    note: 'The image, the true class of each pixel, and the predicted class. Background is black.',
    toTensors(batch) {
      const tensors = labeledTensors(batch, sizes.imageSize, classNames.length);
      return { images: tensors.images, masks: trueClasses(tensors, data.background) };
    },
    linesOf: ({ columns: { label } }, row) => [`${classNames[label[row] ?? -1]}`],
  });
  return labeledTaskModel(config, classNames, measurement, {
    objective: new SegmentObjective(model),
    imageSize: sizes.imageSize,
    predictor: maskPredictor(model, sizes.imageSize, pixelClasses, 'square'),
    facts: { ...factsOf(model, config), Classes: `${classNames.length} and background` },
  });
}

const segmenterOf = (
  model: ViTSegmenter,
  config: SegmentConfig,
  classNames: readonly string[],
  targets: Targets,
): AnyTaskModel =>
  targets === 'labels'
    ? labelSegmenter(model, config, classNames)
    : maskSegmenter(model, config, classNames, { ...factsOf(model, config), Classes: classNames.length });

/** @param targets what the class names are of: the background has none among labels */
const build = (
  { model: { features, ...sizes } }: SegmentConfig,
  { length }: readonly string[],
  targets: Targets,
): ViTSegmenter =>
  new ViTSegmenter(new ViT(vitOptions(sizes)), targets === 'labels' ? length + 1 : length, { layers: features });

export const segment = defineTask<SegmentConfig>({
  ...segmentSettings,
  title: 'Segmentation',
  description: 'a class for each pixel, from masks or from labeled images on a dark background',
  mainMeasure: { name: 'objectAccuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  prepare: fromScratch<SegmentConfig>(async ({ config, train }) => {
    const requests = { ...labelColumns, mask: usualColumns.mask as ColumnRequest<'mask'> };
    const targets = (await sceneColumn(config, train, 'mask', requests)) === null ? 'labels' : 'scenes';
    const objects = Object.values(train.features).find((f) => f.type !== 'class' && classNamesIn(f) !== null);
    const classNames =
      targets === 'labels'
        ? (await trainingClasses(config, train)).classNames
        : maskClasses(config, classNamesIn(objects), train);
    return segmenterOf(build(config, classNames, targets), config, classNames, targets);
  }),
  async restore({ config, checkpoint }) {
    const [classNames, targets] = [learnedClasses(checkpoint), storedTargets(checkpoint)];
    const model = init.skipInit(() => build(config, classNames, targets));
    loadModelState(checkpoint, model, config);
    return segmenterOf(model, config, classNames, targets);
  },
});
