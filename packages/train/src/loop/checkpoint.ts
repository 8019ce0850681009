import type { SplitFingerprint } from '@tessera/data';
import type { Module } from '@tessera/nn';
import { type GeneratorState, getDefaultGenerator, type Tensor } from '@tessera/tensor';
import type { TensorFile } from '@tessera/weights';
import { readTensors, writeTensors } from '@tessera/weights';
import type { GradScaler } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { stateOf } from './step.ts';

const format = 'tessera-checkpoint';
const version = 1;
const optimizerPrefix = 'optimizer.';
const scalerPrefix = `${optimizerPrefix}grad_scaler.`;

/** Where a run stands: with the tensors, all that is needed to go on as if it had never stopped. */
export interface Position {
  /** Optimiser steps done. */
  readonly step: number;
  /** The epoch that the next step belongs to, from 0. */
  readonly epoch: number;
  /** Batches of that epoch that are done. */
  readonly batch: number;
  /** The best value of the run's main measure so far, and when; null before the first evaluation. */
  readonly best: { readonly measure: string; readonly value: number; readonly step: number } | null;
}

/** What a checkpoint says beside its tensors. */
export interface CheckpointState extends Position {
  /** The random numbers of compiled steps (dropout). */
  readonly generator: GeneratorState;
  /** The run's resolved configuration. */
  readonly config: unknown;
  /** How the data were shuffled and augmented: seed, size of the training split, batches of an epoch. */
  readonly data: Readonly<Record<string, number>>;
  /** The splits of the data set; missing in checkpoints of earlier versions. */
  readonly dataset?: Readonly<Record<string, SplitFingerprint>>;
}

/**
 * Writes a checkpoint, whole or not at all: a safetensors file with the model's parameters and buffers under their state_dict names,
 * the optimiser's state behind `optimizer.`, the scaler's, if there is one, behind `optimizer.grad_scaler.`, and the rest as JSON in its
 * metadata.
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
): Promise<void> {
  const generator = getDefaultGenerator().state();
  const training: CheckpointState = { ...state, generator };
  const tensors = stateOf({ model }, optimizer);
  for (const [name, buffer] of scaler?.namedState() ?? []) tensors.set(scalerPrefix + name, buffer);
  const metadata = {
    format,
    version: String(version),
    training: JSON.stringify(training),
    ...description,
  };
  await writeTensors(path, tensors, metadata, { checksums: true });
}

/** A checkpoint as it lies in its file. */
export interface Checkpoint {
  readonly path: string;
  /** What the file says next to its tensors, such as the names of classes. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: CheckpointState;
  /** The model's parameters and buffers by their state_dict names. */
  modelState(): Map<string, Tensor>;
  optimizerState(): Map<string, Tensor>;
  /** Empty where the run did not scale its loss. */
  scalerState(): Map<string, Tensor>;
}

/** Reads a checkpoint. @throws where the file is missing, damaged, or something else than a checkpoint of this version */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const file = await readTensors(path);
  return {
    path,
    metadata: file.metadata,
    state: parseCheckpointState(file),
    modelState: () => file.select((name) => (name.startsWith(optimizerPrefix) ? null : name)),
    optimizerState: () =>
      file.select((name) =>
        name.startsWith(optimizerPrefix) && !name.startsWith(scalerPrefix) ? name.slice(optimizerPrefix.length) : null,
      ),
    scalerState: () => file.select((name) => (name.startsWith(scalerPrefix) ? name.slice(scalerPrefix.length) : null)),
  };
}

export function parseCheckpointState({ path, metadata }: Pick<TensorFile, 'path' | 'metadata'>): CheckpointState {
  if (metadata.format !== format)
    throw new Error(
      `${path}: is a safetensors file, but not a checkpoint of a training run: its metadata say format ${JSON.stringify(metadata.format ?? null)}`,
    );
  if (metadata.version !== String(version))
    throw new Error(`${path}: is a checkpoint of version ${metadata.version}, this program reads version ${version}`);
  try {
    return JSON.parse(metadata.training) as CheckpointState;
  } catch (cause) {
    throw new Error(`${path}: is damaged: its training state is not valid JSON`, { cause });
  }
}

/**
 * Puts model, optimiser and random numbers where the checkpoint was written. Nothing is changed unless the model's state fits.
 *
 * @param config the configuration that the model was built from: where it does not fit, the message says how it differs from
 *   the checkpoint's
 * @param scaler what scales the loss from here on. Where the run did not scale it so far, the scaler starts as it is.
 */
export function restoreCheckpoint(
  checkpoint: Checkpoint,
  model: Module,
  optimizer: Optimizer,
  config: unknown,
  scaler: GradScaler | null = null,
): void {
  loadModelState(checkpoint, model, config);
  optimizer.loadStateDict(checkpoint.optimizerState());
  const scaling = checkpoint.scalerState();
  if (scaler !== null && scaling.size > 0) scaler.loadStateDict(scaling);
  getDefaultGenerator().setState(checkpoint.state.generator);
}

/** Takes over the model's parameters and buffers only. */
export function loadModelState(checkpoint: Checkpoint, model: Module, config: unknown): void {
  try {
    model.loadStateDict(checkpoint.modelState());
  } catch (cause) {
    const model = (from: unknown): unknown => (from as { model?: unknown } | null)?.model;
    const differences = differingSettings(model(checkpoint.state.config), model(config), 'model');
    throw new Error(
      [
        `${checkpoint.path}: this is a checkpoint of another model`,
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
  const [a, b] = [first, second].map((value) => JSON.stringify(value) ?? 'not set');
  return a === b ? [] : [{ key, first: a, second: b }];
}
