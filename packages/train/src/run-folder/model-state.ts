/** Reads the parameters of a model from a run, a checkpoint or a file of weights. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { exists } from '@tessera/data/io';
import { CLIP, ImageClassifier } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import {
  modelFromFile,
  readWeightFile,
  type TowerConfig,
  titleOfWeights,
  towerConfigOf,
  usualWeightNames,
} from '@tessera/weights';
import { usableState } from '../loop/checkpoint.ts';
import { findModelCheckpoint } from './run-folder.ts';

/** A model's parameters and buffers under the names of Tessera's modules. */
export interface ModelState {
  readonly path: string;
  readonly state: Map<string, Tensor>;
  /** The metadata of the file; those of a checkpoint include its training state. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How the image tower is built, for weights of a known model; null for checkpoints, which have it in their metadata. */
  readonly tower: TowerConfig | null;
  /** What was assumed because no file specifies it. */
  readonly assumptions: readonly string[];
  /** What a user should know about how the model was found in the file, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads the state of a run, of one of its checkpoints, or of any file that `loadWeights` reads.
 *
 * @param key the part of a checkpoint of another library to read (see `WeightFileOptions`); null: the usual one
 * @throws where the run or file does not exist or is damaged
 */
export async function readModelState(path: string, key: string | null = null): Promise<ModelState> {
  const file = await readWeightFile(await findFile(path), key === null ? {} : { key });
  if (file.metadata.training === undefined && titleOfWeights(file.names) !== null) {
    const { model, assumptions, notes } = await modelFromFile(file);
    const hasTower = model instanceof CLIP || model instanceof ImageClassifier;
    const tower = hasTower ? towerConfigOf(model) : null;
    return { path: file.path, state: model.stateDict(), metadata: file.metadata, tower, assumptions, notes };
  }
  return {
    path: file.path,
    state: usableState(file),
    metadata: file.metadata,
    tower: null,
    assumptions: [],
    notes: file.notes,
  };
}

/** The checkpoint of a run whose weights its model has, or the weights under their usual name in any other folder. */
async function findFile(path: string): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat?.isDirectory())
    for (const name of usualWeightNames)
      if ((await exists(join(path, name))) && !(await exists(join(path, 'checkpoints')))) return join(path, name);
  return findModelCheckpoint(path);
}
