/** The task `multi-label`: a classifier of images that can have several classes each, such as tags. */
import type { Batch, Split } from '@tessera/data';
import { tensor } from '@tessera/tensor';
import { classMetadata } from '@tessera/weights';
import { mixImages, mixTargets } from '../../mixup/mix.ts';
import type { BatchMixing } from '../../mixup/mixed-source.ts';
import { isMixing, type MixupSettings } from '../../mixup/settings.ts';
import { classifierPredictor } from '../../predict/predictors.ts';
import { tagPredictions } from '../../predict/probabilities.ts';
import { type ClassColumn, classCounts, namedClassWeights } from '../class-weights.ts';
import { buildTower, type CompleteConfig, describeClassifier, imageClassifier } from '../image-classifier.ts';
import { modelInput } from '../model-input.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { type AnyTaskModel, asTaskModel, defineTask } from '../task.ts';
import { evaluateMultiLabel, type TagColumns, tagColumns } from './evaluate.ts';
import { MultiLabelClassifier, MultiLabelObjective, type TaggedTensors } from './objective.ts';
import { type MultiLabelConfig, multiLabelSettings } from './settings.ts';

/** Bounds of balanced weights: a class of very few images does not outweigh all others. */
const [leastWeight, mostWeight] = [0.01, 100];

/** Negatives per positive of each class in the training split, within bounds. */
export const balancedWeights = async (train: Split, column: string, classes: number): Promise<Float32Array> =>
  Float32Array.from(await classCounts(train, column, classes), (count) =>
    Math.min(mostWeight, Math.max(leastWeight, (train.length - count) / count)),
  );

/** The weights that the configuration asks for; null: none. @throws where they do not fit the classes */
async function classWeights(
  { loss }: MultiLabelConfig,
  { split, column, classNames }: ClassColumn,
): Promise<Float32Array | null> {
  const asked = loss.classWeights;
  const classes = classNames.length;
  if (asked === null) return null;
  if (asked === 'balanced') return balancedWeights(split, column, classes);
  if (!Array.isArray(asked)) return Float32Array.from(namedClassWeights(asked, classNames));
  if (asked.length !== classes)
    throw new Error(`loss.classWeights has ${asked.length} numbers, but column ${column} has ${classes} classes`);
  return Float32Array.from(asked);
}

/** How batches of images with several classes are mixed; null: they are not. */
const tagMixing = (settings: MixupSettings): BatchMixing<TaggedTensors> | null =>
  isMixing(settings)
    ? {
        options: settings,
        offEpoch: settings.offEpoch,
        mix: ({ images, targets }, mixup) => ({
          images: mixImages(modelInput(images), mixup),
          targets: mixTargets(targets, mixup),
        }),
      }
    : null;

/** The batch's images, and a row of zeros and ones for each. */
function taggedTensors({ columns, size }: Batch<TagColumns>, imageSize: number, classes: number): TaggedTensors {
  const targets = new Float32Array(size * classes);
  for (const [row, own] of columns.tags.entries()) for (const c of own) targets[row * classes + c] = 1;
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    targets: tensor(targets, { shape: [size, classes] }),
  };
}

/** The model with the functions of the task. @throws where `classNames` is null */
export function multiLabelSubject(
  model: MultiLabelClassifier,
  config: CompleteConfig<MultiLabelConfig>,
  classNames: readonly string[] | null,
): AnyTaskModel {
  if (classNames === null) throw new Error('multi-label: the checkpoint has no names of classes');
  const { imageSize } = config.model.vision;
  const objective = new MultiLabelObjective(model, config.initialize.tower === 'freeze');
  return asTaskModel<TagColumns, TaggedTensors>({
    // After the objective, which decides what is trained.
    ...describeClassifier(model, config),
    model,
    objective,
    columns: withColumnNames(tagColumns, config.data.columns),
    toTensors: (batch) => taggedTensors(batch, imageSize, classNames.length),
    mixing: tagMixing(config.mixup),
    metadata: classMetadata(classNames),
    predictor: classifierPredictor(model, imageSize, classNames, (logits, names) =>
      tagPredictions(logits, names, config.evaluation.threshold),
    ),
    async evaluate(splits, request) {
      const { threshold } = config.evaluation;
      const results = [];
      for (const split of splits)
        results.push(
          await evaluateMultiLabel(
            model,
            split,
            { classNames, threshold },
            readOptions(request, tagColumns, imageSize),
          ),
        );
      return results;
    },
  });
}

export const multiLabel = defineTask<MultiLabelConfig>({
  ...multiLabelSettings,
  title: 'Multi-label classifier',
  description: 'a classifier of images that can have several classes each',
  mainMeasure: { name: 'meanAveragePrecision', better: 'higher' },
  evaluationOptions: [],
  ...imageClassifier<MultiLabelConfig, MultiLabelClassifier>({
    columns: tagColumns,
    role: 'tags',
    build: ({ model, loss }, classes) =>
      new MultiLabelClassifier(buildTower(model), classes, loss.classWeights !== null),
    async prepareModel(model, config, classes) {
      const weights = await classWeights(config, classes);
      if (weights !== null) model.pos_weight?.assign(tensor(weights));
    },
    subject: multiLabelSubject,
  }),
});
