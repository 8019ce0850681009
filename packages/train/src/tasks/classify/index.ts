/** The task `classify`: an image classifier, from scratch or on the image tower of another model. */
import { ImageClassifier } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { classMetadata } from '@tessera/weights';
import {
  classNamesOf,
  evaluateClassifier,
  type LabelColumns,
  labelColumns,
  withClasses,
} from '../../evaluation/classification/evaluate.ts';
import { classifierPredictor } from '../../predict/predictors.ts';
import { labelMixing } from '../class-loss.ts';
import { classWeightsOf } from '../class-weights.ts';
import { buildTower, type CompleteConfig, describeClassifier, imageClassifier } from '../image-classifier.ts';
import { type LabeledTensors, labeledTensors } from '../labeled-tensors.ts';
import { findColumns, readOptions, withColumnNames } from '../reading.ts';
import { type AnyTaskModel, asTaskModel, defineTask } from '../task.ts';
import { ClassifyObjective } from './objective.ts';
import { type ClassifyConfig, classifySettings } from './settings.ts';

/** The model with the functions of the task. @param classNames null for a model that was stored without them */
export function classifierSubject(
  model: ImageClassifier,
  config: CompleteConfig<ClassifyConfig>,
  classNames: readonly string[] | null,
  classWeights: Tensor | null,
): AnyTaskModel {
  const { imageSize } = config.model.vision;
  const classes = model.head.outFeatures;
  const objective = new ClassifyObjective(model, {
    labelSmoothing: config.loss.labelSmoothing,
    classWeights,
    freezeTower: config.initialize.tower === 'freeze',
  });
  const columnsOf = (columns: LabelColumns): LabelColumns =>
    classNames === null ? columns : withClasses(columns, classNames);
  return asTaskModel<LabelColumns, LabeledTensors>({
    // After the objective, which decides what is trained.
    ...describeClassifier(model, config),
    model,
    objective,
    columns: columnsOf(withColumnNames(labelColumns, config.data.columns)),
    toTensors: (batch) => labeledTensors(batch, imageSize, classes),
    mixing: labelMixing(config.mixup, classes, config.loss.labelSmoothing),
    ...(classNames === null
      ? { predictor: { reason: 'the names of the classes are not stored with these weights' } }
      : { metadata: classMetadata(classNames), predictor: classifierPredictor(model, imageSize, classNames) }),
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits) {
        const options = readOptions(request, columnsOf(labelColumns), imageSize);
        const { label } = await findColumns(split, options.columns);
        // Without the names of the model's classes, the data set's classes are taken for them.
        const names = classNames ?? classNamesOf(split, label);
        if (names.length !== classes)
          throw new Error(`${split.path}: column ${label} has ${names.length} classes, the classifier ${classes}`);
        results.push(await evaluateClassifier(model, split, names, options));
      }
      return results;
    },
  });
}

export const classify = defineTask<ClassifyConfig>({
  ...classifySettings,
  title: 'Classifier',
  description: 'a classifier of labeled images',
  mainMeasure: { name: 'top1', better: 'higher' },
  evaluationOptions: ['label'],
  ...imageClassifier<ClassifyConfig, ImageClassifier>({
    columns: labelColumns,
    role: 'label',
    build: ({ model }, classes) => new ImageClassifier(buildTower(model), classes),
    classWeights: ({ loss }, classes) => classWeightsOf(loss, classes),
    subject: classifierSubject,
  }),
});
