/** Checkpoints: everything that a run needs to continue, in one safetensors file. */
import type { SplitFingerprint } from '@tessera/data';
import { type LoraScale, type Module, mergedStateDict } from '@tessera/nn';
import { type GeneratorState, getDefaultGenerator, type Tensor } from '@tessera/tensor';
import type { TensorFile } from '@tessera/weights';
import { readTensors, writeTensors } from '@tessera/weights';
import type { AveragedModel } from '../optim/averaged-model.ts';
import type { GradScaler } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { EvaluatedCheckpoint } from './best-checkpoints.ts';
import type { EarlyStoppingState } from './early-stopping.ts';
import { averagesPrefix, stateOf } from './step.ts';

const format = 'tessera-checkpoint';
const version = 1;
const optimizerPrefix = 'optimizer.';
const scalerPrefix = `${optimizerPrefix}grad_scaler.`;

/** The progress of a run. Together with the tensors, it is all that is needed to continue as if the run had never stopped. */
export interface Position {
  /** Completed optimizer steps. */
  readonly step: number;
  /** The epoch that the next step belongs to, from 0. */
  readonly epoch: number;
  /** Completed batches of that epoch. */
  readonly batch: number;
  /** The best value of the run's main measure so far, and when; null before the first evaluation. */
  readonly best: { readonly measure: string; readonly value: number; readonly step: number } | null;
  /** State of a schedule that follows a measure; missing for others. */
  readonly schedule?: unknown;
  /** State of early stopping; missing before the first evaluation, and where a run does not stop early. */
  readonly earlyStopping?: EarlyStoppingState;
  /** The checkpoints that are kept as the best, best first; missing before the first evaluation, and where none are kept. */
  readonly bestCheckpoints?: readonly EvaluatedCheckpoint[];
  /** The finite losses of the current epoch, or at its end of this epoch; missing in checkpoints of earlier versions. */
  readonly epochLoss?: { readonly sum: number; readonly count: number };
}

/** The contents of a checkpoint apart from its tensors. */
export interface CheckpointState extends Position {
  /** State of the random numbers of compiled steps (dropout). */
  readonly generator: GeneratorState;
  /** The run's resolved configuration. */
  readonly config: unknown;
  /** How the data were shuffled and augmented: seed, size of the training split, batches of an epoch. */
  readonly data: Readonly<Record<string, number>>;
  /** The splits of the data set; missing in checkpoints of earlier versions. */
  readonly dataset?: Readonly<Record<string, SplitFingerprint>>;
}

/**
 * Writes a checkpoint atomically: a safetensors file with the model's parameters and buffers under their state_dict names, the optimizer's
 * state with the prefix `optimizer.`, the state of the scaler, if there is one, with the prefix `optimizer.grad_scaler.`, averages of the
 * weights, if there are any, with the prefix `optimizer.averaged_model.`, and the rest as JSON in its metadata.
 *
 * @param description further entries of the metadata, such as the names of classes
 */
export async function writeCheckpoint(
  path: string,
  model: Module,
  optimizer: Optimizer,
  state: Omit<CheckpointState, 'generator'>,
  scaler: GradScaler | null = null,
  description: Readonly<Record<string, string>> = {},
  averages: AveragedModel | null = null,
): Promise<void> {
  const generator = getDefaultGenerator().state();
  const training: CheckpointState = { ...state, generator };
  const tensors = stateOf({ model }, optimizer, averages);
  for (const [name, buffer] of scaler?.namedState() ?? []) tensors.set(scalerPrefix + name, buffer);
  const metadata = {
    format,
    version: String(version),
    training: JSON.stringify(training),
    ...description,
  };
  await writeTensors(path, tensors, metadata, { checksums: true });
}

/** A checkpoint that was read from its file. */
export interface Checkpoint {
  readonly path: string;
  /** The metadata of the file, such as the names of classes. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: CheckpointState;
  /** The model's parameters and buffers by their state_dict names, to be used: averages where the run has averages of its weights, and merged adapters. */
  modelState(): Map<string, Tensor>;
  /** The same, to be trained further. */
  trainedState(): Map<string, Tensor>;
  optimizerState(): Map<string, Tensor>;
  /** Empty where the run did not scale its loss. */
  scalerState(): Map<string, Tensor>;
  /** Empty where the run has no averages of its weights, or has not begun with them. */
  averagesState(): Map<string, Tensor>;
}

const withPrefix =
  (prefix: string) =>
  (name: string): string | null =>
    name.startsWith(prefix) ? name.slice(prefix.length) : null;

const trainedState = (file: TensorFile): Map<string, Tensor> =>
  file.select((name) => (name.startsWith(optimizerPrefix) ? null : name));

/**
 * The parameters and buffers in the file of a checkpoint or of weights, by the state_dict names of a model without adapters: averages in
 * place of those that were trained, where there are any, and adapters added to the weights that they adapt.
 */
export function usableState(file: TensorFile): Map<string, Tensor> {
  const state = new Map([...trainedState(file), ...file.select(withPrefix(`${averagesPrefix}module.`))]);
  const lora = file.metadata.training === undefined ? null : loraOf(parseCheckpointState(file).config);
  return lora === null ? state : mergedStateDict(state, lora);
}

/** The scale of the adapters of a run with this configuration; null: it has none. */
function loraOf(config: unknown): LoraScale | null {
  return (config as { readonly lora?: LoraScale | null } | null)?.lora ?? null;
}

/** Reads a checkpoint. @throws where the file is missing, damaged, or not a checkpoint of this version */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await readTensors(path);
  return {
    path,
    metadata: file.metadata,
    state: parseCheckpointState(file),
    modelState: () => usableState(file),
    trainedState: () => trainedState(file),
    optimizerState: () => {
      const isOther = (name: string): boolean => name.startsWith(scalerPrefix) || name.startsWith(averagesPrefix);
      return file.select((name) => (isOther(name) ? null : withPrefix(optimizerPrefix)(name)));
    },
    scalerState: () => file.select(withPrefix(scalerPrefix)),
    averagesState: () => file.select(withPrefix(averagesPrefix)),
  };
}

export function parseCheckpointState({ path, metadata }: Pick<TensorFile, 'path' | 'metadata'>): CheckpointState {
  if (metadata.format !== format)
    throw new Error(
      `${path}: is a safetensors file, but not a checkpoint of a training run: the format in its metadata is ${JSON.stringify(metadata.format ?? null)}`,
    );
  if (metadata.version !== String(version))
    throw new Error(`${path}: is a checkpoint of version ${metadata.version}; this program reads version ${version}`);
  try {
    return JSON.parse(metadata.training ?? '') as CheckpointState;
  } catch (cause) {
    throw new Error(`${path}: is damaged: its training state is not valid JSON`, { cause });
  }
}

/**
 * Restores model, optimizer and random numbers from a checkpoint. Nothing is changed unless the model's state fits.
 *
 * @param config the configuration that the model was built from: if the model does not fit, the message says how this configuration
 *   differs from the checkpoint's
 * @param scaler scales the loss from now on. If the run did not scale its loss before, the scaler keeps its initial state.
 * @param averages of the weights from now on. If the run had none before, they begin with the weights of the checkpoint.
 */
export function restoreCheckpoint(
  checkpoint: Checkpoint,
  model: Module,
  optimizer: Optimizer,
  config: unknown,
  scaler: GradScaler | null = null,
  averages: AveragedModel | null = null,
): void {
  loadTrainedState(checkpoint, model, config, averages);
  optimizer.loadStateDict(checkpoint.optimizerState());
  const scaling = checkpoint.scalerState();
  if (scaler !== null && scaling.size > 0) scaler.loadStateDict(scaling);
  getDefaultGenerator().setState(checkpoint.state.generator);
}

/**
 * Loads the model's parameters and buffers as they are trained, and the averages of its weights: where the checkpoint has none, they begin
 * with its weights.
 */
export function loadTrainedState(
  checkpoint: Checkpoint,
  model: Module,
  config: unknown,
  averages: AveragedModel | null,
): void {
  loadState(checkpoint, checkpoint.trainedState(), model, config);
  const averaged = checkpoint.averagesState();
  if (averaged.size > 0) averages?.loadStateDict(averaged);
  else averages?.restart();
}

/** Loads only the model's parameters and buffers, to be used: averages where the run has them, and merged adapters. */
export const loadModelState = (checkpoint: Checkpoint, model: Module, config: unknown): void =>
  loadState(checkpoint, checkpoint.modelState(), model, config);

function loadState(checkpoint: Checkpoint, state: ReadonlyMap<string, Tensor>, model: Module, config: unknown): void {
  try {
    model.loadStateDict(state);
  } catch (cause) {
    const model = (from: unknown): unknown => (from as { model?: unknown } | null)?.model;
    const lora = (from: unknown): unknown => (from as { lora?: unknown } | null)?.lora ?? null;
    const differences = [
      ...differingSettings(model(checkpoint.state.config), model(config), 'model'),
      ...differingSettings(lora(checkpoint.state.config), lora(config), 'lora'),
    ];
    throw new Error(
      [
        `${checkpoint.path}: is a checkpoint of a different model`,
        ...differences.map(({ key, first, second }) => `${key} is ${first} in the checkpoint, ${second} here`),
        (cause as Error).message,
      ].join('\n  '),
      { cause },
    );
  }
}

/** The settings in which two configurations differ, as JSON. */
export function differingSettings(
  first: unknown,
  second: unknown,
  key = '',
): { key: string; first: string; second: string }[] {
  const isGroup = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isGroup(first) && isGroup(second)) {
    const names = new Set([...Object.keys(first), ...Object.keys(second)]);
    return [...names].flatMap((name) =>
      differingSettings(first[name], second[name], key === '' ? name : `${key}.${name}`),
    );
  }
  const text = (value: unknown): string => JSON.stringify(value) ?? 'not set';
  return text(first) === text(second) ? [] : [{ key, first: text(first), second: text(second) }];
}
