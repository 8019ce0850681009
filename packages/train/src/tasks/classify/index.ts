/** The task `classify`: an image classifier, from scratch or on the image tower of another model. */
import { createImageTower, ImageClassifier, imageTowers } from '@tessera/models';
import { init } from '@tessera/nn';
import {
  classNamesOf,
  evaluateClassifier,
  type LabelColumns,
  labelColumns,
} from '../../evaluation/classification/evaluate.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { classMetadata, storedClassNames } from '../class-names.ts';
import { type ImageModel, type ImageTowerFile, loadImageTower, readImageTower } from '../image-tower-file.ts';
import { type LabelledTensors, labelledTensors } from '../labelled-tensors.ts';
import { findColumns, readOptions, withColumnNames } from '../reading.ts';
import { asTaskModel, defineTask, type TaskModel } from '../task.ts';
import { ClassifyObjective } from './objective.ts';
import { type ClassifyConfig, classifySettings } from './settings.ts';

/** A configuration with the model that a null stood for. */
type CompleteConfig = ClassifyConfig & { readonly model: ImageModel };

const buildModel = ({ vision, embedDim, activation }: ImageModel, classes: number): ImageClassifier =>
  new ImageClassifier(createImageTower(vision, embedDim, { activation }), classes);

/** @param classNames of the training data; null for a model that was stored without them */
function subjectOf(
  model: ImageClassifier,
  config: CompleteConfig,
  classes: number,
  classNames: readonly string[] | null,
): TaskModel<LabelColumns, LabelledTensors> {
  const { vision } = config.model;
  const { imageSize } = vision;
  return {
    model,
    objective: new ClassifyObjective(model, {
      labelSmoothing: config.loss.labelSmoothing,
      freezeTower: config.initialize.tower === 'freeze',
    }),
    imageSize,
    columns: withColumnNames(labelColumns, config.data.columns),
    toTensors: (batch) => labelledTensors(batch, imageSize, classes),
    facts: {
      Model: `${imageTowers[vision.kind].name} width ${vision.width}`,
      'Image size': imageSize,
      Parameters: model.parameterCount(),
      'Trained parameters': model.parameterCount({ trainableOnly: true }),
      Classes: classes,
    },
    ...(classNames === null ? {} : { metadata: classMetadata(classNames) }),
    image: { tower: model.visual, head: model.head, description: config.model },
    async evaluate(splits, request) {
      const results = [];
      for (const split of splits) {
        const options = readOptions(request, labelColumns, imageSize);
        const { label } = await findColumns(split, options.columns);
        const names = classNamesOf(split, label);
        if (names.length !== classes)
          throw new Error(`${split.path}: column ${label} has ${names.length} classes, the classifier ${classes}`);
        results.push(await evaluateClassifier(model, split, names, options));
      }
      return results;
    },
  };
}

/** The configuration with a model: its own, or that of the checkpoint that it starts from. */
function withModel(config: ClassifyConfig, tower: ImageTowerFile | null): CompleteConfig {
  const model = config.model ?? tower?.model ?? null;
  if (model !== null) return { ...config, model };
  throw new Error(
    config.initialize.checkpoint === null
      ? 'model is null, which means the image tower of a checkpoint: set initialize.checkpoint, or a model'
      : `${config.initialize.checkpoint}: does not say how its model is built: set model to it`,
  );
}

export const classify = defineTask<ClassifyConfig>({
  ...classifySettings,
  title: 'Classifier',
  description: 'a classifier of labelled images',
  mainMeasure: { name: 'top1', better: 'higher' },
  fromCheckpoint: ['model=null'],
  evaluationOptions: ['label'],
  async prepare(asked, resumed, say) {
    const { checkpoint } = asked.initialize;
    const tower = checkpoint !== null && !resumed ? await readImageTower(checkpoint) : null;
    const config = withModel(asked, tower);
    if (asked.model === null)
      for (const assumption of tower?.assumptions ?? []) say(`${tower?.path}: assumed: ${assumption}`);
    return {
      config,
      async create({ train }) {
        const { label } = await findColumns(train, withColumnNames(labelColumns, config.data.columns));
        const classNames = classNamesOf(train, label);
        const model = buildModel(config.model, classNames.length);
        if (tower !== null) loadImageTower(tower, model.visual, config.model);
        return asTaskModel(subjectOf(model, config, classNames.length, classNames));
      },
    };
  },
  async restore({ config, folder, checkpoint }) {
    if (config.model === null) throw new Error(`${folder.config}: config.yaml has no \`model\` section`);
    const classes = checkpoint.modelState().get('head.bias')?.shape[0];
    if (classes === undefined)
      throw new Error(`${checkpoint.path}: has no tensor head.bias, so it is not a classifier`);
    const complete = withModel(config, null);
    const model = init.skipInit(() => buildModel(complete.model, classes));
    loadModelState(checkpoint, model, config);
    return asTaskModel(subjectOf(model, complete, classes, storedClassNames(checkpoint.metadata)));
  },
});
