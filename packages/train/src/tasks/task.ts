/**
 * The interface of tasks. A task is one object with everything that training, evaluation, reports and the commands need to know about a
 * kind of training; they ask the object and never compare its name. `tasks/index.ts` lists all tasks.
 */
import type { Batch, ColumnRequests, Split, Tokenizer } from '@tessera/data';
import type { ImageTower } from '@tessera/models';
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { RunConfig, TaskSettings } from '../config/schema.ts';
import type { Settings } from '../config/tree.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import type { Checkpoint } from '../loop/checkpoint.ts';
import type { MainMeasure } from '../loop/measure.ts';
import type { BatchTensors, Objective } from '../loop/objective.ts';
import type { BatchMixing } from '../mixup/mixed-source.ts';
import type { TextEncoding } from '../predict/encoders.ts';
import type { NoPredictor, Predictor } from '../predict/prediction.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';

/** Shows a message to the user. */
export type Say = (message: string) => void;

/** How splits are evaluated. */
export interface EvaluationRequest {
  readonly batchSize: number;
  readonly workers: number;
  /** Whether a row that cannot be used is an error. */
  readonly strict: boolean;
  /** The largest number of examples of each split, evenly spread; null: all. */
  readonly limit: number | null;
  /** The splits' columns by role; a role that is missing or null is found by its usual names. */
  readonly columns: Readonly<Record<string, string | null>>;
  /** The split that baselines search, and how much of it; null: no baselines. */
  readonly baseline: { readonly split: Split; readonly limit: number | null } | null;
  /** Prompts for zero-shot classification, with {} for the name of the class; null: no zero-shot classification. */
  readonly templates: readonly string[] | null;
  /**
   * Names of the classes for these prompts: all in the order of the data set's classes, or some by the data set's names. Default: the
   * data set's names.
   */
  readonly classNames?: readonly string[] | Readonly<Record<string, string>>;
  /** When aborted, the evaluation stops with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What an evaluation needs besides work and memory in proportion to the number of its examples. */
export interface EvaluationCost {
  /** Of the arrays that exist at the same time, and grow with the number of examples. */
  readonly bytes: number;
  /** For comparing examples with each other. */
  readonly seconds: number;
}

/** Options of `npm run eval` that not every task uses. */
export type EvaluationOption = 'label' | 'templates' | 'classes' | 'pixels';

/** The image half of a model: a tower and what follows it. */
export interface ImageHalf {
  readonly tower: ImageTower;
  /** From features to logits; null where the features are the result. */
  readonly head: (Module & { forward(features: Tensor): Tensor }) | null;
  /** The configuration of the tower, for what the shapes of its weights do not determine. */
  readonly description: unknown;
}

/** The text half of a model. */
export interface TextHalf extends TextEncoding {
  readonly tokenizer: Tokenizer;
  /** The number of tokens of a text, start and end tokens included; longer ones are truncated. */
  readonly contextLength: number;
  /** Texts to ids, row-major [N, contextLength]. */
  toIds(texts: readonly string[]): Int32Array;
  /** Ids i32 [N, contextLength] to features [N, E]. */
  forward(ids: Tensor): Tensor;
  /** Texts to features [N, E]. */
  encode(texts: readonly string[]): Tensor;
}

/** A model with the functions of its task: how it is trained and how it is evaluated. */
export interface TaskModel<
  Requests extends ColumnRequests = ColumnRequests,
  Tensors extends BatchTensors = BatchTensors,
> {
  readonly model: Module;
  readonly objective: Objective<Tensors>;
  /** Side of the square images that the loader delivers, in pixels. */
  readonly imageSize: number;
  /** The columns that training reads. */
  readonly columns: Requests;
  toTensors(batch: Batch<Requests>): Tensors;
  /** How the batches of training are mixed; null or missing: they are not. */
  readonly mixing?: BatchMixing<Tensors> | null;
  /** What a row of a batch shows, in words, for the samples in the run's folder. */
  describeRow?(batch: Batch<Requests>, row: number): Readonly<Record<string, string | number>>;
  /** Facts about the model for the report: label to value. */
  readonly facts: Readonly<Record<string, string | number>>;
  /** Stored with the weights, such as the names of classes. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Where the model has an image tower: for attention maps and for splitting the model. */
  readonly image?: ImageHalf;
  /** Where the model understands texts. */
  readonly text?: TextHalf;
  /** What the model says of single images, or why it says nothing. */
  readonly predictor: Predictor | NoPredictor;
  /** Evaluates the model as it is now. The first result has the task's main measure. */
  evaluate(splits: readonly Split[], request: EvaluationRequest): Promise<EvaluationResult[]>;
  /** Missing: the evaluation passes over its examples, and keeps nothing that grows with them. */
  evaluationCost?(splits: readonly Split[], request: EvaluationRequest): Promise<EvaluationCost>;
  dispose?(): void;
}

/** A task model whose types of columns and tensors are not known. */
export type AnyTaskModel = TaskModel;

/** A task model without the types of its columns and tensors. They fit, because its caller passes batches that were read with `columns`. */
export const asTaskModel = <Requests extends ColumnRequests, Tensors extends BatchTensors>(
  model: TaskModel<Requests, Tensors>,
): AnyTaskModel => model as unknown as AnyTaskModel;

/** The surroundings of a new or resumed run: its configuration, data and folder. */
export interface TrainingSite<Config extends RunConfig = RunConfig> {
  readonly config: Config;
  readonly train: Split;
  readonly evaluationSplits: readonly Split[];
  readonly folder: RunFolder;
  readonly say: Say;
  /**
   * Trains another model first, as a separate run in a folder below this run's folder. If it was interrupted before, it continues from its
   * last checkpoint. Null if it was stopped: then `create` returns null too.
   *
   * @param settings settings of the other run, with its `task`
   */
  trainFirst(name: string, settings: Settings): Promise<TrainedModel | null>;
  readonly loadModel: LoadModel;
}

/** Loads the model of another run, whatever its task, from its folder or one of its checkpoints. */
type LoadModel = (path: string) => Promise<TrainedModel>;

/** A trained model, with the configuration of its run. */
export interface TrainedModel<Config extends RunConfig = RunConfig> {
  readonly config: Config;
  readonly subject: AnyTaskModel;
}

/** A run that can be created: its configuration is complete. */
export interface PreparedRun<Config extends RunConfig = RunConfig> {
  readonly config: Config;
  /** Builds the model, untrained or with the weights that it starts from. Null if the user stopped it. */
  create(site: TrainingSite<Config>): Promise<AnyTaskModel | null>;
}

/** A model in the folder of its run. */
export interface StoredRun<Config extends RunConfig = RunConfig> {
  readonly config: Config;
  readonly folder: RunFolder;
  readonly checkpoint: Checkpoint;
  readonly loadModel: LoadModel;
}

/** A kind of training. */
export interface Task<Config extends RunConfig = RunConfig> extends TaskSettings<Config> {
  /** What is trained, for the report's title. */
  readonly title: string;
  /** Its description in `--help`, one line. */
  readonly description: string;
  /** The value of the first evaluation result that tells how good the model is. */
  readonly mainMeasure: MainMeasure;
  /** Settings that `--from` implies, besides `initialize.checkpoint`; null: the task cannot start from a checkpoint. */
  readonly fromCheckpoint: readonly string[] | null;
  /** The options of `npm run eval` that the task uses. */
  readonly evaluationOptions: readonly EvaluationOption[];
  /**
   * Reads what a new run starts from and completes the configuration with it, before anything is written.
   *
   * @param resumed whether a checkpoint of the run itself will be loaded, so that no other weights are needed
   */
  prepare(config: Config, resumed: boolean, say: Say): Promise<PreparedRun<Config>>;
  /** Loads the model of a run. */
  restore(run: StoredRun<Config>): Promise<AnyTaskModel>;
}

/** A task as an entry of the list. It only receives configurations that its own schema has accepted. */
export const defineTask = <Config extends RunConfig>(task: Task<Config>): Task => task as unknown as Task;

/** `prepare` of a task that needs only its configuration. */
export const fromScratch =
  <Config extends RunConfig>(create: PreparedRun<Config>['create']) =>
  async (config: Config): Promise<PreparedRun<Config>> => ({ config, create });
