/** Reads the parameters of a model from a run, a checkpoint or a file of weights. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, exists } from '@tessera/data/io';
import { ResNet, ViT } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import {
  findModel,
  type ImageModelConfig,
  imageModelOf,
  modelFromFile,
  readWeightFile,
  undescribedParts,
  usualWeightNames,
} from '@tessera/weights';
import { usableState } from '../loop/checkpoint.ts';
import { findModelCheckpoint } from './run-folder.ts';

/** What stands before the names of an image tower within a model. */
export const towerPrefix = 'visual.';

/** A model's parameters and buffers under the names of Tessera's modules. */
export interface ModelState {
  readonly path: string;
  readonly state: Map<string, Tensor>;
  /** The metadata of the file; those of a checkpoint include its training state. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How the image tower is built, for weights of a known model; null for checkpoints, which have it in their metadata. */
  readonly tower: ImageModelConfig | null;
  /** Whether the whole model is an image tower: a Vision Transformer of timm or a ResNet of torchvision. */
  readonly isTower: boolean;
  /** What the model has that the settings of an image tower cannot say. */
  readonly undescribed: readonly string[];
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
  const found = file.metadata.training === undefined ? about(file.path, () => findModel(file.names)) : null;
  // Tessera's own models with an image tower have other parts, too, and the tower's names stay as they are.
  if (found !== null && found.prefix !== towerPrefix) {
    const { model, assumptions, notes } = await modelFromFile(file);
    const isTower = model instanceof ViT || model instanceof ResNet;
    const [tower, undescribed] = [imageModelOf(model), undescribedParts(model)];
    const { path, metadata } = file;
    return { path, state: model.stateDict(), metadata, tower, isTower, undescribed, assumptions, notes };
  }
  const state = usableState(file);
  return {
    path: file.path,
    state,
    metadata: file.metadata,
    tower: null,
    isTower: false,
    undescribed: [],
    assumptions: [],
    notes: file.notes,
  };
}

function about<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
}

/** The checkpoint of a run whose weights its model has, or the weights under their usual name in any other folder. */
async function findFile(path: string): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat?.isDirectory())
    for (const name of usualWeightNames)
      if ((await exists(join(path, name))) && !(await exists(join(path, 'checkpoints')))) return join(path, name);
  return findModelCheckpoint(path);
}
