/** The task `multi-label`: a classifier of images that can have several classes each, such as tags. */
import type { Batch, Split } from '@tessera/data';
import { tensor } from '@tessera/tensor';
import { classMetadata } from '../class-names.ts';
import { buildTower, type CompleteConfig, describeClassifier, imageClassifier } from '../image-classifier.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { type AnyTaskModel, asTaskModel, defineTask } from '../task.ts';
import { evaluateMultiLabel, type TagColumns, tagColumns } from './evaluate.ts';
import { MultiLabelClassifier, MultiLabelObjective, type TaggedTensors } from './objective.ts';
import { type MultiLabelConfig, multiLabelSettings } from './settings.ts';

/** Bounds of balanced weights: a class of very few images does not outweigh all others. */
const [leastWeight, mostWeight] = [0.01, 100];

/** Negatives per positive of each class in the training split, within bounds. */
export async function balancedWeights(train: Split, column: string, classes: number): Promise<Float32Array> {
  const positives = new Float64Array(classes);
  for (let row = 0; row < train.length; row++)
    for (const c of new Set([(await train.row(row, [column]))[column]].flat()))
      if (typeof c === 'number') positives[c] = (positives[c] ?? 0) + 1;
  return Float32Array.from(positives, (count) =>
    Math.min(mostWeight, Math.max(leastWeight, (train.length - count) / count)),
  );
}

/** The weights that the configuration asks for; null: none. @throws where their number is not that of the classes */
async function classWeights(
  { loss }: MultiLabelConfig,
  train: Split,
  column: string,
  classes: number,
): Promise<Float32Array | null> {
  const asked = loss.classWeights;
  if (asked === null) return null;
  if (asked === 'balanced') return balancedWeights(train, column, classes);
  if (asked.length !== classes)
    throw new Error(`loss.classWeights has ${asked.length} numbers, but column ${column} has ${classes} classes`);
  return Float32Array.from(asked);
}

/** The batch's images, and a row of zeros and ones for each. */
function taggedTensors({ columns, size }: Batch<TagColumns>, imageSize: number, classes: number): TaggedTensors {
  const targets = new Float32Array(size * classes);
  for (const [row, own] of columns.tags.entries()) for (const c of own) targets[row * classes + c] = 1;
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    targets: tensor(targets, { shape: [size, classes] }),
  };
}

function subjectOf(
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
    metadata: classMetadata(classNames),
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
    async prepareModel(model, config, train, column) {
      const weights = await classWeights(config, train, column, model.head.outFeatures);
      if (weights !== null) model.pos_weight?.assign(tensor(weights));
    },
    subject: subjectOf,
  }),
});
