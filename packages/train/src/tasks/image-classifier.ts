/** Image towers with a linear head, from scratch or on the tower of another model: shared by the tasks that train them. */
import type { ColumnRequests } from '@tessera/data';
import {
  createImageTower,
  type ImageClassifier,
  type ImageTower,
  imageTowers,
  presets as modelPresets,
} from '@tessera/models';
import { init } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { storedClassNames } from '@tessera/weights';
import { z } from 'zod';
import type { RunConfig } from '../config/schema.ts';
import { imageModelSection, weightsKey } from '../config/sections.ts';
import { classNamesOf } from '../evaluation/classification/evaluate.ts';
import { loadModelState } from '../loop/checkpoint.ts';
import type { ClassColumn } from './class-weights.ts';
import {
  type ImageModel,
  type ImageTowerFile,
  loadImageTower,
  readImageTower,
  requireCheckpoint,
} from './image-tower-file.ts';
import { findColumns, withColumnNames } from './reading.ts';
import type { AnyTaskModel, Task } from './task.ts';

/** The section `model` of a classifier. */
export const classifierModel = imageModelSection.nullable().describe('null: the image tower of initialize.checkpoint');

/** The section `initialize` of a classifier. */
export const classifierInitialize = z.strictObject({
  checkpoint: z
    .string()
    .nullable()
    .default(null)
    .describe(
      'a run, checkpoint or file of weights (CLIP, timm, torchvision, MAE) whose image tower the classifier starts from; null: from scratch',
    ),
  key: weightsKey,
  tower: z
    .enum(['train', 'freeze'])
    .default('train')
    .describe('train: the whole model; freeze: only the linear head (linear probe)'),
});

/** Sections `model` by name: the image halves of the CLIP models. */
export const classifierModels = Object.fromEntries(
  Object.entries(modelPresets).map(([name, { text: _, ...image }]) => [name, structuredClone(image)]),
);

/** The configuration of a classifier. */
export interface ImageClassifierConfig extends RunConfig {
  readonly initialize: z.infer<typeof classifierInitialize>;
  readonly model: ImageModel | null;
}

/** A configuration whose model is not null. */
export type CompleteConfig<Config extends ImageClassifierConfig> = Config & { readonly model: ImageModel };

export const buildTower = ({ vision, embedDim, activation }: ImageModel): ImageTower =>
  createImageTower(vision, embedDim, { activation });

/** The facts about a classifier and its halves, for its `TaskModel`. */
export const describeClassifier = (
  model: ImageClassifier,
  { model: description }: CompleteConfig<ImageClassifierConfig>,
): Pick<AnyTaskModel, 'facts' | 'image' | 'imageSize'> => ({
  facts: {
    Model: `${imageTowers[description.vision.kind].name} width ${description.vision.width}`,
    'Image size': description.vision.imageSize,
    Parameters: model.parameterCount(),
    'Trained parameters': model.parameterCount({ trainableOnly: true }),
    Classes: model.head.outFeatures,
  },
  imageSize: description.vision.imageSize,
  image: { tower: model.visual, head: model.head, description },
});

/** What differs between tasks that train an image classifier. */
export interface ClassifierParts<Config extends ImageClassifierConfig, Model extends ImageClassifier> {
  readonly columns: ColumnRequests;
  /** The column with the classes, one of `columns`. */
  readonly role: string;
  build(config: CompleteConfig<Config>, classes: number): Model;
  /** Weights of the classes in the loss, from the training split; missing: none. */
  classWeights?(config: CompleteConfig<Config>, classes: ClassColumn): Promise<Tensor | null>;
  /** Initializes parts of the model from the training split. */
  prepareModel?(model: Model, config: CompleteConfig<Config>, classes: ClassColumn): Promise<void>;
  /**
   * @param classNames of the training data; null for a model that was stored without them
   * @param classWeights null where there are none, and for a model that is not trained any further
   */
  subject(
    model: Model,
    config: CompleteConfig<Config>,
    classNames: readonly string[] | null,
    classWeights: Tensor | null,
  ): AnyTaskModel;
}

/** The functions that create and load a classifier, for all tasks that train one. */
export const imageClassifier = <Config extends ImageClassifierConfig, Model extends ImageClassifier>({
  columns,
  role,
  build,
  classWeights,
  prepareModel,
  subject,
}: ClassifierParts<Config, Model>): Pick<Task<Config>, 'fromCheckpoint' | 'prepare' | 'restore'> => ({
  fromCheckpoint: ['model=null'],
  async prepare(asked, resumed, say) {
    const { checkpoint, key } = asked.initialize;
    requireCheckpoint(asked.initialize);
    const tower = checkpoint !== null && !resumed ? await readImageTower(checkpoint, key) : null;
    const config = withModel(asked, tower);
    if (asked.model === null)
      for (const assumption of tower?.assumptions ?? []) say(`${tower?.path}: assumed: ${assumption}`);
    return {
      config,
      async create({ train }) {
        const found = await findColumns(train, withColumnNames(columns, config.data.columns));
        const column = found[role] as string;
        const classNames = classNamesOf(train, column);
        const model = build(config, classNames.length);
        if (tower !== null)
          for (const note of [...tower.notes, ...loadImageTower(tower, model.visual, config.model)])
            say(`${tower.path}: ${note}`);
        const classes = { split: train, column, classNames };
        await prepareModel?.(model, config, classes);
        const weights = (await classWeights?.(config, classes)) ?? null;
        return subject(model, config, classNames, weights);
      },
    };
  },
  async restore({ config, folder, checkpoint }) {
    if (config.model === null) throw new Error(`${folder.config}: config.yaml has no \`model\` section`);
    const classes = checkpoint.modelState().get('head.bias')?.shape[0];
    if (classes === undefined)
      throw new Error(`${checkpoint.path}: has no tensor head.bias, so it is not a classifier`);
    const complete = withModel(config, null);
    const model = init.skipInit(() => build(complete, classes));
    loadModelState(checkpoint, model, config);
    return subject(model, complete, storedClassNames(checkpoint.metadata), null);
  },
});

/** The configuration with a model: its own, or that of the checkpoint that it starts from. */
function withModel<Config extends ImageClassifierConfig>(
  config: Config,
  tower: ImageTowerFile | null,
): CompleteConfig<Config> {
  const model = config.model ?? tower?.model ?? null;
  if (model !== null) return { ...config, model };
  throw new Error(
    config.initialize.checkpoint === null
      ? 'model is null, which means the image tower of a checkpoint: set initialize.checkpoint or model'
      : `${config.initialize.checkpoint}: ${missingModel(tower?.undescribed ?? [])}: set model`,
  );
}

const missingModel = (undescribed: readonly string[]): string =>
  undescribed.length === 0
    ? 'does not contain the configuration of its model'
    : `has ${undescribed.join(' and ')}, which the settings of an image tower cannot describe`;
