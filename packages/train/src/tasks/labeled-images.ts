/** Training and evaluation on images with class labels: shared by tasks that learn classes with different models. */
import type { Split } from '@tessera/data';
import { init, type Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { classMetadata, storedClassNames } from '@tessera/weights';
import type { RunConfig } from '../config/schema.ts';
import { classNamesOf, type LabelColumns, labelColumns, withClasses } from '../evaluation/classification/evaluate.ts';
import { evaluateMeasures, type Measurement } from '../evaluation/measures/evaluate.ts';
import type { Example } from '../evaluation/measures/examples.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import { type Checkpoint, loadModelState } from '../loop/checkpoint.ts';
import type { BatchTensors, Objective } from '../loop/objective.ts';
import type { BatchMixing } from '../mixup/mixed-source.ts';
import type { Picture } from '../report/draw.ts';
import type { ClassColumn } from './class-weights.ts';
import { findColumns, readOptions, withColumnNames } from './reading.ts';
import { type AnyTaskModel, asTaskModel, type EvaluationRequest, type Task, type TaskModel } from './task.ts';

/** The columns of labeled images, with the names that the user gave to some of them. */
const labelColumnsOf = ({ data }: RunConfig): LabelColumns => withColumnNames(labelColumns, data.columns);

/** The column with the classes that a run learns, in its training split. */
export async function trainingClasses(config: RunConfig, train: Split): Promise<ClassColumn> {
  const { label } = await findColumns(train, labelColumnsOf(config));
  return { split: train, column: label as string, classNames: classNamesOf(train, label) };
}

/** The names of the classes that a model learned. @throws where the checkpoint was written without them */
export function learnedClasses({ path, metadata }: Checkpoint): readonly string[] {
  const names = storedClassNames(metadata);
  if (names === null) throw new Error(`${path}: the names of the model's classes are not stored in this file`);
  return names;
}

/** What differs between tasks that train a model from scratch on labeled images. */
export interface LabeledModelParts<Config extends RunConfig, Model extends Module> {
  build(config: Config, classes: number): Model;
  /** Weights of the classes in the loss, from the training split; missing: none. */
  classWeights?(config: Config, classes: ClassColumn): Promise<Tensor | null>;
  /** @param classWeights null where there are none, and for a model that is not trained any further */
  subject(model: Model, config: Config, classNames: readonly string[], classWeights: Tensor | null): AnyTaskModel;
}

/** How a task builds its model for a new run and loads the model of a run. */
export const labeledModel = <Config extends RunConfig, Model extends Module>({
  build,
  classWeights,
  subject,
}: LabeledModelParts<Config, Model>): Pick<Task<Config>, 'prepare' | 'restore'> => ({
  prepare: async (config) => ({
    config,
    async create({ train }) {
      const classes = await trainingClasses(config, train);
      const { classNames } = classes;
      const weights = (await classWeights?.(config, classes)) ?? null;
      return subject(build(config, classNames.length), config, classNames, weights);
    },
  }),
  async restore({ config, checkpoint }) {
    const classNames = learnedClasses(checkpoint);
    const model = init.skipInit(() => build(config, classNames.length));
    loadModelState(checkpoint, model, config);
    return subject(model, config, classNames, null);
  },
});

/** Measures a model on splits of labeled images. @throws where a split has a class that the model does not know */
async function evaluateLabeled<Tensors extends BatchTensors, Name extends string>(
  splits: readonly Split[],
  request: EvaluationRequest,
  { imageSize, classNames }: { readonly imageSize: number; readonly classNames: readonly string[] },
  measurement: Measurement<LabelColumns, Tensors, Name>,
): Promise<EvaluationResult[]> {
  const options = readOptions(request, withClasses(labelColumns, classNames), imageSize);
  const results = [];
  for (const split of splits) results.push(await evaluateMeasures(split, options, measurement));
  return results;
}

/** What a measured model on labeled images has of its own. */
interface LabeledParts<Tensors extends BatchTensors>
  extends Pick<TaskModel, 'imageSize' | 'facts' | 'image' | 'predictor'> {
  readonly objective: Objective<Tensors>;
  readonly mixing?: BatchMixing<Tensors> | null;
}

/** A model on labeled images: its batches and its evaluation are those of a measurement. */
export const labeledTaskModel = <Tensors extends BatchTensors, Name extends string>(
  config: RunConfig,
  classNames: readonly string[],
  measurement: Measurement<LabelColumns, Tensors, Name>,
  parts: LabeledParts<Tensors>,
): AnyTaskModel =>
  asTaskModel<LabelColumns, Tensors>({
    ...parts,
    model: measurement.model,
    columns: withClasses(labelColumnsOf(config), classNames),
    toTensors: (batch) => measurement.toTensors(batch),
    metadata: classMetadata(classNames),
    evaluate: (splits, request) =>
      evaluateLabeled(splits, request, { imageSize: parts.imageSize, classNames }, measurement),
  });

/** The prediction of a model for a picture. */
export interface Answer {
  readonly picture: Picture;
  readonly truth: number;
  readonly prediction: number;
  /** Further lines below the picture. */
  readonly lines?: readonly string[];
}

/** Predictions as examples for the report, with the names of the classes. */
export const answerExamples = (answers: readonly Answer[], classNames: readonly string[]): Example[] =>
  answers.map(({ picture, truth, prediction, lines = [] }) => {
    const [expected, answer] = [classNames[truth], classNames[prediction]];
    const right = truth === prediction;
    return { ...picture, lines: [right ? `${answer}` : `${answer}, not ${expected}`, ...lines], right };
  });
